"""When a plan and its request are over, and when they are open again."""

from __future__ import annotations

from typing import Literal

from state.lifecycle import OVER, STUCK, move
from state.records import Plan, Request, Task
from state.transaction import Transaction


def put(changes: Transaction, task: Task) -> Task:
    """Record a task. With the last one that anything could be hoped of, its plan fails."""
    changes.put(task)
    if task.state == "failed":
        close_if_over(changes, task.plan)
    return task


def close_if_over(changes: Transaction, plan: str) -> None:
    record = changes.get(Plan, plan)
    if record.state in ("orchestrated", "failed") and _states(changes, record) <= OVER | STUCK:
        close(changes, record)


def close(changes: Transaction, plan: Plan) -> None:
    """Done when every task is in the target; failed, and open to be run again, when some are not."""
    states = _states(changes, plan)
    end: Literal["done", "failed"] = "done" if "merged" in states and states <= OVER else "failed"
    if plan.state != end:
        changes.put(move(plan, end))
    request = changes.get(Request, plan.request)
    if request.state in ("in_progress", "failed") and request.state != end:
        changes.put(move(request, end))


def reopen(changes: Transaction, plan: Plan) -> None:
    """A task of it is wanted after all: it is no longer done, and can be orchestrated again."""
    if plan.state == "done":
        changes.put(move(plan, "failed"))
    request = changes.get(Request, plan.request)
    if request.state == "done":
        changes.put(move(request, "failed"))


def _states(changes: Transaction, plan: Plan) -> set[str]:
    return {changes.get(Task, key).state for key in plan.tasks}
