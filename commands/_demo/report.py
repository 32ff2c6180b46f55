"""The demo's result, and how it is told."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from textwrap import dedent

import msgspec

from commands._demo.checks import Check
from commands._demo.evidence import Evidence, MainTests, Red
from commands._records_text import reasons
from commands._status import Status
from commands._text import numbers, table
from state.keys import number_of
from state.plural import plural
from state.records import Finding, Pull, Task


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`coders`: "scripted", or the model's name. `stopped`: why the run ended early, if it did."""

    folder: str
    clone: str
    coders: str
    seconds: float
    stopped: str
    checks: list[Check]
    red: list[Red]
    main_tests: MainTests
    diffstat: str
    graph: str
    status: Status
    pulls: list[Pull]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def report(seen: Evidence, coders: str, seconds: float, stopped: str, checks: list[Check]) -> Report:
    return Report(
        folder=str(seen.site.folder),
        clone=str(seen.site.clone),
        coders=coders,
        seconds=round(seconds, 1),
        stopped=stopped,
        checks=checks,
        red=seen.red,
        main_tests=seen.main_tests,
        diffstat=seen.diffstat,
        graph=seen.graph,
        status=seen.status,
        pulls=seen.pulls,
    )


def text(done: Report) -> str:
    sections = [
        _opening(done),
        _tasks(done),
        _unfinished(done.status.tasks),
        *(_red(red) for red in done.red),
        _review(done),
        _launch(done),
        f"origin's main now\n{_indented(done.graph)}",
        f"Checks\n{_indented(_checks(done.checks))}",
        _verdict(done),
        _where(done),
    ]
    return "\n\n".join(section for section in sections if section)


def _opening(done: Report) -> str:
    answers = (
        "The coders' answers are SCRIPTED: read from files, no model was asked. All else is real:\n"
        "git, worktrees, processes, tests, merges. `refactory demo --model` asks a model."
        if done.coders == "scripted"
        else f"The coders asked the model {done.coders}: {_usage(done.pulls)}.\n"
        "It may do without a red combination, or without findings: these are not demanded of it."
    )
    head = f"Refactory's demo, {done.seconds} s. {answers}"
    return f"{head}\nStopped early: {done.stopped}" if done.stopped else head


def _usage(pulls: list[Pull]) -> str:
    used = [pull.usage for pull in pulls if pull.usage]
    return f"{plural(sum(usage.requests for usage in used), 'request')}, {sum(usage.tokens for usage in used)} tokens"


def _tasks(done: Report) -> str:
    request, plan = done.status.request, done.status.plan
    rows = [
        (
            number_of(task.key),
            task.state,
            task.agent,
            task.attempts,
            numbers(task.depends_on) or None,
            numbers(task.after) or None,
            task.title,
        )
        for task in done.status.tasks
    ]
    head = f"Request {number_of(request.key)}: {request.title} ({request.state})\nPlan {number_of(plan.key)}"
    return f"{head}\n{_indented(table(('TASK', 'STATE', 'AGENT', 'ATTEMPTS', 'DEPENDS', 'AFTER', 'TITLE'), rows))}"


def _unfinished(tasks: list[Task]) -> str:
    said = reasons(tasks)
    return f"Not done\n{_indented(said)}" if said else ""


def _red(red: Red) -> str:
    pull = red.culprit
    lines = [
        f"task {number_of(pull.task)} by {pull.agent}: green alone, red together with {numbers(red.together_with)}",
        red.failing,
        f"sent back to {pull.agent}, on top of what landed without it ({(red.sent_back.onto or '')[:12]})",
    ]
    if red.mended and red.mended.tests:
        lines.append(f"attempt {red.mended.attempt}: {red.mended.tests.verdict}")
    return "A red combination\n" + _indented("\n".join(lines))


def _review(done: Report) -> str:
    review = done.status.review
    if review is None:
        return ""
    head = f"Review {number_of(review.key)} by {', '.join(review.reviewers)}: {review.verdict}"
    return f"{head}\n{_indented(chr(10).join(map(_finding, review.findings)) or 'no findings')}"


def _finding(finding: Finding) -> str:
    line = f":{finding.line}" if finding.line else ""
    task = f"task {number_of(finding.task)}, " if finding.task else ""
    return f"{finding.severity}: {task}{finding.file or ''}{line} {finding.message} ({finding.rule})"


def _launch(done: Report) -> str:
    if done.status.launch is None:
        return ""
    landing = done.status.launch.landing
    where = f"{landing.commit[:12]} to {landing.target_branch} of {landing.remote}"
    return f"Launch {number_of(done.status.launch.key)}: {landing.how} of {where}\n{_indented(dedent(done.diffstat))}"


def _checks(checks: list[Check]) -> str:
    good, bad = _marks()
    return "\n".join(f"{good if c.passed else bad} {c.name}: {c.detail}" for c in checks)


def _marks() -> tuple[str, str]:
    try:
        "✓✗".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "ok    ", "FAILED"
    return "✓", "✗"


def _where(done: Report) -> str:
    culprit = number_of(done.red[0].culprit.task) if done.red else 1
    me = _program()
    commands = [
        f"cd {shlex.quote(done.clone)}",
        f"{me} task:inspect {culprit}",
        f"{me} plan:status 1",
        f"{me} doctor",
        "git pull && git log --graph --oneline",
    ]
    head = f"Where to look: {done.folder} (delete it when you are done)"
    return f"{head}\n{_indented(chr(10).join(commands))}"


def _verdict(done: Report) -> str:
    failed = [check.name for check in done.checks if not check.passed]
    return f"FAILED: {'; '.join(failed)}" if failed else f"All {len(done.checks)} checks are true."


def _program() -> str:
    """How the user can call us: by name where that is found, else the way it was done just now."""
    if shutil.which("refactory"):
        return "refactory"
    me = str(Path(sys.argv[0]).absolute())
    return me if os.access(me, os.X_OK) else f"{sys.executable} {me}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
