"""Gives up a request: nothing of it is worked on or landed any more; what was made stays on its branches."""

from __future__ import annotations

from agents.tasks.dependents import end_lease
from agents.tasks.setbacks import FEEDBACK
from state.errors import Conflict, UsageError
from state.keys import number_of
from state.lifecycle import CLOSED, OVER, move
from state.records import Plan, Request, Task
from state.store import Store
from state.transaction import Transaction


def cancel_request(store: Store, request_id: str, reason: str) -> Request:
    """With all its tasks that have not landed. Whoever works on one finds out at the next heartbeat."""
    if len(reason) > FEEDBACK:
        raise UsageError(f"the reason is longer than {FEEDBACK} characters")
    with store.transaction("request:cancel") as changes:
        request = changes.get(Request, request_id)
        if request.state == "cancelled":
            return request
        cancelled = changes.put(move(request, "cancelled", reason=reason), note=reason)
        for plan in changes.all(Plan, lambda plan: plan.request == request.key):
            cancel_plan(changes, plan, reason or f"request {number_of(request.key)} was cancelled")
        return cancelled


def cancel_plan(changes: Transaction, plan: Plan, reason: str) -> None:
    """With its tasks that have not landed. One that was begun is failed: it may have landed in part."""
    _cancel_tasks(changes, plan, reason)
    if plan.state == "orchestrated":
        changes.put(move(plan, "failed"))
    elif plan.state in ("draft", "approved"):
        changes.put(move(plan, "cancelled"), note=reason)


def _cancel_tasks(changes: Transaction, plan: Plan, reason: str) -> None:
    for task in (changes.get(Task, key) for key in plan.tasks):
        if task.state not in OVER:
            changes.put(move(task, "cancelled", feedback=reason))
            end_lease(changes, task)


def replace_others(changes: Transaction, plan: Plan) -> None:
    """The request's other plans are not gone on with: nobody gets a task of theirs, who works on one stops."""
    for other in changes.all(Plan, lambda other: other.request == plan.request and other.key != plan.key):
        if other.state not in CLOSED:
            reason = f"plan {number_of(plan.key)} replaced plan {number_of(other.key)}"
            _cancel_tasks(changes, other, reason)
            changes.put(move(other, "cancelled"), note=reason)


def refuse_cancelled(request: Request) -> None:
    """Raises Conflict for a request that was given up."""
    if request.state == "cancelled":
        raise Conflict(
            f"request {number_of(request.key)} is cancelled", "create a new one to have it done after all"
        )


def refuse_replaced(plan: Plan) -> None:
    """Raises Conflict for a plan that a later one of its request has taken the place of."""
    if plan.state == "cancelled":
        raise Conflict(
            f"plan {number_of(plan.key)} is cancelled: a later plan has replaced it",
            f"`refactory plan:list --request-id {number_of(plan.request)}` shows that one",
        )
