"""How far a run got, for scripts and for people: what `run` and `orchestrate --run` end with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from commands._next import next_of
from commands._records_text import left_out, reason, state_text
from commands._status import Status
from commands._text import fields, numbers
from state.keys import number_of
from state.plural import plural
from state.records import Launch, Task

Stage = Literal["plan", "code", "reconcile", "review", "launch"]


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a run got, and what it left."""

    stage: Stage
    exit_code: int
    status: Status


def text(result: Result, again: str = "") -> str:
    status = result.status
    outcome = status.orchestration.outcome if status.orchestration else None
    review, landing = status.review, status.launch and status.launch.landing
    stat = landing and landing.diffstat
    return fields(
        [
            ("request", f"{number_of(status.request.key)} {status.request.title}"),
            ("plan", number_of(status.plan.key)),
            ("stage", result.stage),
            ("tasks", "\n".join(_task_line(task, status.launch) for task in status.tasks)),
            ("warnings", "\n".join(status.plan.warnings) if result.stage == "plan" else None),
            ("combined", outcome and numbers(landed.task for landed in outcome.landed)),
            ("left out", outcome and left_out(outcome.ejected, told=_told(status.tasks))),
            ("branch", outcome and outcome.branch),
            ("review", review and f"{review.verdict}, {plural(len(review.findings), 'finding')}"),
            (
                "launched",
                landing and f"{landing.how}: {', '.join(landing.branches)} at {landing.commit[:12]}",
            ),
            ("pull request", status.launch and status.launch.pr_url),
            ("CI", status.launch and status.launch.ci),
            ("next", next_of(status, again) if result.exit_code else _further(result)),
            ("changes", stat and f"{plural(stat.files, 'file')}, +{stat.insertions} -{stat.deletions}"),
        ]
    )


def _told(tasks: Iterable[Task]) -> set[str]:
    """Whose reason stands with the task already."""
    return {task.key for task in tasks if reason(task)}


def _further(result: Result) -> str | None:
    """After `--until`. What else was asked for, such as `--as push`, is asked for again then."""
    if result.stage == "launch":
        return None
    return f"`refactory run {number_of(result.status.request.key)}` goes on"


def _task_line(task: Task, launch: Launch | None) -> str:
    return "\n    ".join([f"{number_of(task.key)} {state_text(task, launch)}: {task.title}", *reason(task)])
