"""What a pull request says: which tasks it brings, who made them, how they were tested, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agents.forge.place import Place
from agents.git.refs import task_branch
from state.keys import is_key, number_of
from state.records import Finding, Orchestration, Outcome, Plan, Pull, Request, Review, Task, Tests
from state.store import Store

_MOST = 60_000  # characters; GitHub takes 65,536
_TITLE = 200
_LINE = 300


def title(request: Request) -> str:
    """No Markdown; but it may become the merge commit's subject, which could close an issue."""
    return _quiet(request.title)[:_TITLE]


def body(store: Store, plan: Plan, orchestration: Orchestration, review: Review, place: Place | None) -> str:
    """Always the same for the same records."""
    outcome = orchestration.outcome
    assert outcome is not None
    request = store.get(Request, plan.request)
    parts = [
        f"Plan {number_of(plan.key)} of request {number_of(request.key)}, made by Refactory.",
        _issue(request, outcome, place),
        "### Tasks\n\n" + _tasks(store, outcome),
        "### Left out\n\n" + _left_out(store, outcome) if outcome.ejected else "",
        "### Tests of the combination\n\n" + _tests(outcome),
        "### Review\n\n" + _review(review),
        _provenance(plan, orchestration, outcome),
    ]
    text = "\n\n".join(filter(None, parts))
    return (
        text
        if len(text) <= _MOST
        else text[:_MOST].rstrip() + "\n\n(cut: it was too long for a pull request)"
    )


def _issue(request: Request, outcome: Outcome, place: Place | None) -> str:
    """What closes an issue must have all of it, and be in its own repository."""
    if not request.issue:
        return ""
    number = request.issue.rpartition("/")[2]
    same = place is not None and request.issue.startswith(f"{place.repository_url}/")
    if not same:
        return f"For {request.issue}"
    return f"{'Closes' if outcome.state == 'complete' else 'Part of'} #{number}"


def _tasks(store: Store, outcome: Outcome) -> str:
    rows = []
    for landed in outcome.landed:
        task = store.get(Task, landed.task)
        pull = _last_pull(store, task)
        resolved = ", ".join(f"{_code(one.file)} by {' and '.join(one.by)}" for one in landed.resolved)
        notes = [f"merged: {resolved}" if resolved else "", "reworked" if landed.reworked else ""]
        rows.append(
            (
                str(number_of(task.key)),
                _plain(task.title),
                _plain(task.agent or ""),
                str(task.attempts),
                _code((task.commit or "")[:12]),
                _verdict(pull.tests if pull else None),
                "; ".join(filter(None, notes)),
            )
        )
    return _table(("Task", "", "Agent", "Attempts", "Commit", "Tests", "Notes"), rows)


def _last_pull(store: Store, task: Task) -> Pull | None:
    pulls = [store.get(Pull, key) for key in task.pulls]
    return next((pull for pull in reversed(pulls) if pull.commit == task.commit), None)


def _verdict(tests: Tests | None) -> str:
    if tests is None:
        return "not tested"
    counted = f" ({tests.passed} passed)" if tests.passed is not None else ""
    return f"{tests.verdict}{counted}"


def _left_out(store: Store, outcome: Outcome) -> str:
    rows = []
    for ejected in outcome.ejected:
        task = store.get(Task, ejected.task)
        against = ", ".join(map(_against, ejected.against))
        where = [", ".join(map(_code, ejected.files)), f"against {against}" if against else ""]
        why = _plain(ejected.detail.strip().partition("\n")[0])
        rows.append(
            (
                str(number_of(task.key)),
                _plain(task.title),
                ejected.reason,
                why,
                "; ".join(filter(None, where)),
            )
        )
    return _table(("Task", "", "Why", "Reason", "Where"), rows)


def _against(name: str) -> str:
    """A task where it is the branch of one; an agent's own branch, or the target's commit, as it is."""
    key = name.removeprefix(task_branch(""))
    return str(number_of(key)) if is_key(key) else _code(name)


def _tests(outcome: Outcome) -> str:
    tests = outcome.tests
    if tests is None:
        return "None ran."
    commands = ", ".join(map(_code, tests.commands))
    flaky = f"; flaky: {', '.join(map(_code, tests.flaky))}" if tests.flaky else ""
    known = (
        f"; failing without it, too: {', '.join(map(_code, tests.base_failures))}"
        if tests.base_failures
        else ""
    )
    return f"{_verdict(tests)}: {commands}{flaky}{known}"


def _review(review: Review) -> str:
    by = ", ".join(map(_plain, review.reviewers)) or "rules"
    return "\n".join([f"{review.verdict} by {by}", *map(_finding, review.findings)])


def _finding(finding: Finding) -> str:
    place = ":".join(str(part) for part in (finding.file, finding.line) if part is not None)
    at = f" {_code(place)}" if place else ""
    return f"- {finding.severity}{at} {_plain(finding.message)} ({finding.rule})"


def _provenance(plan: Plan, orchestration: Orchestration, outcome: Outcome) -> str:
    """The keys find the records in `.refactory/`; each commit's trailers name its task and agent."""
    return (
        f"Commit {_code(outcome.commit)} on {_code(orchestration.target_branch)} at {_code(outcome.onto)}; "
        f"plan {_code(plan.key)}, orchestration {_code(orchestration.key)}."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """One line that is text only: no markup, nobody notified, no other issue closed or linked."""
    line = " ".join(text.split())[:_LINE].replace("&", "&amp;").replace("<", "&lt;")
    return _quiet(re.sub(r"([\\`*_\[\]])", r"\\\1", line))


def _quiet(text: str) -> str:
    """Mentions and references that are none any more: a zero-width space is in them."""
    return re.sub(r"([@#!])(?=\w)", "\\1\u200b", " ".join(text.split()))


def _code(text: str) -> str:
    """A code span that no backtick in it can end (CommonMark 6.1)."""
    line = " ".join(text.split())[:_LINE]
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}" if line else ""
