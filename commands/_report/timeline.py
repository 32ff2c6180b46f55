"""Who worked on what, and when, from the audit log's lines.

The log has ends: a coder's claim, a report, a verdict. When a tester, the reconciler, the reviewer or the launcher
began is not in it, so their bars begin where what came before had ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from commands._report.report import Report
from state.audit_entries import Entry
from state.clock import seconds
from state.keys import number_of
from state.records import Pull, Task

Result = Literal["good", "bad", "back", "open"]
STAGES = {"reconcile": "reconciler", "review": "reviewer", "launch": "launcher"}


@dataclass(frozen=True)
class Bar:
    """Seconds since 1970, and how it ended: `back` was good work that was not taken in the end."""

    lane: str
    begin: float
    end: float
    result: Result
    label: str
    title: str


def bars(report: Report) -> list[Bar]:
    """By their ends, so also by lane."""
    coding, testing = [], []
    for task in report.status.tasks:
        steps = [step for step in report.steps if step.record == f"tasks/{task.key}"]
        pulls = [pull for pull in report.attempts if pull.task == task.key]
        coding += list(_coding(task, steps, pulls))
        testing += list(_testing(task, steps, pulls))
    return [*coding, *_one_after_the_other(testing), *_stages(report.steps)]


def _coding(task: Task, steps: Sequence[Entry], pulls: Sequence[Pull]) -> Iterator[Bar]:
    left = list(pulls)
    begin: float | None = None
    for step in steps:
        if step.to == "in_progress" and step.frm != "in_progress":
            begin = seconds(step.at)
        elif step.frm == "in_progress" and step.to != "in_progress" and begin is not None:
            pull = _taken(left, step)
            yield _bar(task, pull, pull.agent if pull else task.agent, begin, seconds(step.at), _coded(pull))
            begin = None


def _taken(left: list[Pull], step: Entry) -> Pull | None:
    """The attempt that ended with this line: both were written at once."""
    for pull in left:
        if abs(seconds(pull.created) - seconds(step.at)) <= 2:
            left.remove(pull)
            return pull
    return None


def _coded(pull: Pull | None) -> Result:
    if pull is None or pull.failure:
        return "bad"
    return "back" if pull.sent_back else "good"


def _testing(task: Task, steps: Sequence[Entry], pulls: Sequence[Pull]) -> Iterator[Bar]:
    tested = [pull for pull in pulls if pull.tests]
    begin: float | None = None
    for step in steps:
        if step.to == "testing" and step.frm != "testing":
            begin = seconds(step.at)
        elif step.frm == "testing" and step.to != "testing" and begin is not None and tested:
            pull = tested.pop(0)
            verdict = pull.tests.verdict if pull.tests else ""
            who = pull.tests.tester if pull.tests else ""
            yield _bar(task, pull, who, begin, seconds(step.at), "good" if verdict == "passed" else "bad")
            begin = None


def _bar(task: Task, pull: Pull | None, lane: str | None, begin: float, end: float, result: Result) -> Bar:
    number = number_of(task.key)
    said = f"task {number}, attempt {pull.attempt if pull else '?'}: {task.title}"
    return Bar(lane or "nobody", begin, end, result, str(number), said)


def _one_after_the_other(testing: list[Bar]) -> list[Bar]:
    """A tester has one task at a time: while it had another, this one waited."""
    free: dict[str, float] = {}
    found = []
    for bar in sorted(testing, key=lambda bar: bar.end):
        found.append(replace(bar, begin=max(bar.begin, free.get(bar.lane, 0.0))))
        free[bar.lane] = bar.end
    return found


def _stages(steps: Sequence[Entry]) -> Iterator[Bar]:
    before = 0.0
    for number, step in enumerate(steps):
        following = steps[number + 1].command if number + 1 < len(steps) else ""
        if step.command in STAGES and following != step.command:
            end = seconds(step.at)
            yield Bar(STAGES[step.command], before or end, end, "open", step.command, step.command)
        if following != step.command:
            before = seconds(step.at)
