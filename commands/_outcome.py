"""How far a run got, for scripts and for people: what `run` and `orchestrate --run` end with."""

from __future__ import annotations

from typing import Literal

import msgspec

from commands import plan_status
from commands._records_text import left_out
from commands._text import fields, numbers
from state.keys import number_of
from state.records import Task

Stage = Literal["plan", "code", "reconcile", "review", "launch"]


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a run got, and what it left."""

    stage: Stage
    exit_code: int
    status: plan_status.Status


def text(result: Result) -> str:
    status = result.status
    outcome = status.orchestration.outcome if status.orchestration else None
    review, landing = status.review, status.launch and status.launch.landing
    stat = landing and landing.diffstat
    return fields(
        [
            ("request", f"{number_of(status.request.key)} {status.request.title}"),
            ("plan", number_of(status.plan.key)),
            ("stage", result.stage),
            ("tasks", "\n".join(map(_task_line, status.tasks))),
            ("landed", outcome and numbers(landed.task for landed in outcome.landed)),
            ("left out", outcome and left_out(outcome.ejected)),
            ("branch", outcome and outcome.branch),
            ("review", review and f"{review.verdict}, {len(review.findings)} findings"),
            (
                "launched",
                landing and f"{landing.how}: {', '.join(landing.branches)} at {landing.commit[:12]}",
            ),
            ("pull request", status.launch and status.launch.pr_url),
            ("CI", status.launch and status.launch.ci),
            ("next", _next(result)),
            ("changes", stat and f"{stat.files} files, +{stat.insertions} -{stat.deletions}"),
        ]
    )


def _task_line(task: Task) -> str:
    line = f"{number_of(task.key)} {task.state}: {task.title}"
    why = task.feedback.strip().splitlines()[:1] if task.state in ("failed", "blocked") else []
    return "\n    ".join([line, *why])


def _next(result: Result) -> str:
    """What to do about what failed."""
    tasks = result.status.tasks
    if all(task.state == "cancelled" for task in tasks) and tasks:
        return f"every task is cancelled: `refactory task:retry {number_of(tasks[0].key)}` has one done after all"
    failed = [number_of(task.key) for task in tasks if task.state == "failed"]
    if not failed or result.exit_code == 0:
        return ""
    request = number_of(result.status.request.key)
    return (
        f"`refactory task:inspect {failed[0]}` says why; `refactory run {request}` tries again; "
        f"`refactory task:cancel {failed[0]}` gives it up"
    )
