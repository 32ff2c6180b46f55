"""What to do about what failed."""

from __future__ import annotations

from collections.abc import Sequence

from commands._status import Status
from state.keys import number_of
from state.records import Orchestration, Plan, Request, Task


def next_step(
    request: Request,
    plan: Plan,
    tasks: Sequence[Task],
    orchestration: Orchestration | None,
    moved: bool,
    again: str = "",
) -> str:
    """Empty where nothing has failed, or work is done on it.

    `moved`: the target is not any more where a retried task would start from.
    `again`: the command that goes on, where more is known of what is wanted than the records say.
    """
    number = number_of(request.key)
    if request.state == "cancelled":
        return ""
    if plan.state == "cancelled":
        return f"a later plan has replaced it: `refactory plan:list --request-id {number}`"
    if tasks and all(task.state == "cancelled" for task in tasks):
        return f"every task is cancelled: `refactory task:retry {number_of(tasks[0].key)}` has one done after all"
    if plan.state == "draft":
        return f"`refactory plan:approve {number_of(plan.key)}` lets work on it begin"
    if plan.state == "approved":
        return f"`refactory run {number}` goes on with it"
    failed = [number_of(task.key) for task in tasks if task.state == "failed"]
    if not failed:
        return _unblock(tasks)
    target = orchestration.target_branch if orchestration else "the target"
    start = f", from {target} as it is then" if plan.state == "failed" else ""
    steps = [
        f"`refactory task:inspect {failed[0]}` says why",
        f"`{again or f'refactory run {number}'}` tries again{start}",
        f"`refactory task:cancel {failed[0]}` gives it up",
    ]
    if moved:
        new = f"`refactory plan:create {number} --again` plans anew from there"
        steps.append(f"{target} has moved since, a new try starts from where it was: {new}")
    return "; ".join(steps)


def _unblock(tasks: Sequence[Task]) -> str:
    """What a cancelled task holds back waits for ever."""
    cancelled = {task.key: number_of(task.key) for task in tasks if task.state == "cancelled"}
    for task in tasks:
        for key in task.depends_on if task.state == "blocked" else ():
            if key in cancelled:
                number = number_of(task.key)
                return (
                    f"task {number} depends on task {cancelled[key]}, which is cancelled: "
                    f"`refactory task:retry {cancelled[key]}` has that done after all; "
                    f"`refactory task:cancel {number}` gives task {number} up, too"
                )
    return ""


def next_of(status: Status, again: str = "") -> str:
    return next_step(
        status.request, status.plan, status.tasks, status.orchestration, status.target_moved, again
    )
