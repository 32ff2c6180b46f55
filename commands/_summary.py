"""A plan in Markdown: for a CI job's page, where it has one ($GITHUB_STEP_SUMMARY)."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence

from agents.tasks.reason import gist
from commands._next import next_of
from commands._records_text import left_out, state_text, usage_text, where_to
from commands._status import Status
from commands._text import numbers, printable
from state.keys import number_of
from state.lifecycle import DONE, OVER
from state.plural import plural
from state.records import Finding, Launch, Orchestration, Task

_MEANS_SOMETHING = re.compile(r"([\\`*_\[\]<>|#~!&])")
_MOST = 50  # findings that are shown


def markdown(status: Status) -> str:
    parts = [
        f"## Plan {number_of(status.plan.key)}: {_plain(status.request.title)}",
        f"**{status.plan.state}**{_landing(status)}",
        _table(
            ("Task", "State", "Agent", "Attempts", "Title"),
            (_task(task, status.launch) for task in status.tasks),
        ),
        *_combination(status.orchestration),
        *_review(status),
        *([f"Next: {_plain(to_do)}"] if (to_do := next_of(status)) else []),
    ]
    usage = usage_text(status.usage)
    return "\n\n".join([*parts, *([f"Tokens: {usage}"] if usage else [])]) + "\n"


def summarize(status: Status) -> None:
    """Add it to the page of the job that we are run in. Whatever is wrong with that file, our work is done."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - as the variable has it
            file.write(markdown(status) + "\n")
    except OSError as error:
        print(f"refactory: GITHUB_STEP_SUMMARY: {error.strerror}", file=sys.stderr)


def _landing(status: Status) -> str:
    landing = status.launch and status.launch.landing
    return f": {landing.how} {_plain(where_to(landing))}, `{landing.commit[:12]}`" if landing else ""


def _task(task: Task, launch: Launch | None) -> Sequence[str]:
    over = task.state in DONE | OVER
    why = [] if over or not task.feedback.strip() else [" ".join(gist(task.feedback))]
    title = ": ".join(map(_plain, [task.title, *why]))
    return (
        str(number_of(task.key)),
        state_text(task, launch),
        _plain(task.agent or ""),
        str(task.attempts),
        title,
    )


def _combination(orchestration: Orchestration | None) -> list[str]:
    outcome = orchestration.outcome if orchestration else None
    if outcome is None:
        return []
    tests = outcome.tests
    counts = f", {tests.passed} passed, {tests.failed} failed" if tests and tests.passed is not None else ""
    said = f"Combination: {outcome.state}" + (f"; tests {tests.verdict}{counts}" if tests else "")
    said += f"; combined: {numbers(one.task for one in outcome.landed)}" if outcome.landed else ""
    out = "\n".join(f"- {_plain(line)}" for line in left_out(outcome.ejected).splitlines())
    return [said, *([f"Left out:\n\n{out}"] if out else [])]


def _review(status: Status) -> list[str]:
    if status.review is None:
        return []
    found = status.review.findings
    head = f"Review: {status.review.verdict}, {plural(len(found), 'finding')}"
    rows = [_finding(finding) for finding in found[:_MOST]]
    return [head, *([_table(("Severity", "Where", "Rule", "Finding"), rows)] if rows else [])]


def _finding(finding: Finding) -> Sequence[str]:
    where = (finding.file or "") + (f":{finding.line}" if finding.file and finding.line else "")
    return (finding.severity, _plain(where), finding.rule, _plain(finding.message))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """One line in which nothing is markup: titles and findings were written by others."""
    return _MEANS_SOMETHING.sub(r"\\\1", printable(" ".join(text.split())))
