"""Which state may follow which. The only place that knows; an illegal step says what is allowed."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from state.errors import Conflict
from state.keys import number_of
from state.records import Plan, Request, Task

R = TypeVar("R", Request, Plan, Task)

REQUEST = {
    "open": {"planned", "cancelled"},
    "planned": {"in_progress", "planned", "cancelled"},
    "in_progress": {"done", "failed", "cancelled", "planned"},
    "failed": {"in_progress", "planned", "cancelled", "done"},
    "done": {"failed"},
    "cancelled": set[str](),
}
PLAN = {
    "draft": {"approved", "cancelled"},
    "approved": {"orchestrated", "cancelled"},
    "orchestrated": {"done", "failed", "orchestrated", "cancelled"},
    "failed": {"orchestrated", "done", "cancelled"},
    "done": {"failed"},
    "cancelled": set[str](),
}
TASK = {
    "pending": {"assigned", "blocked", "cancelled"},
    "assigned": {"in_progress", "assigned", "blocked", "failed", "cancelled"},
    "in_progress": {"testing", "assigned", "failed", "blocked", "cancelled", "in_progress"},
    "testing": {"completed", "assigned", "failed", "blocked", "cancelled"},
    "completed": {"merged", "assigned", "failed", "blocked", "cancelled"},
    "failed": {"assigned", "cancelled"},
    "blocked": {"assigned", "pending", "cancelled"},
    "cancelled": {"assigned", "pending"},
    "merged": set[str](),
}
_ALLOWED: dict[type, dict[str, set[str]]] = {Request: REQUEST, Plan: PLAN, Task: TASK}

# A task's states by what they have in common.
COMMITTED = frozenset({"testing", "completed"})  # a coder's commit is there, and has not landed
DONE = frozenset({"completed", "merged"})  # tested, and others may build on it
STUCK = frozenset({"failed", "blocked"})  # somebody has to decide
STOPPED = STUCK | {"cancelled"}
SETTLED = DONE | STOPPED  # nothing more will happen to it by itself
OVER = frozenset({"merged", "cancelled"})  # nothing of it is left to land

CLOSED = frozenset({"done", "cancelled"})  # of a request or a plan


def move(record: R, to: str, **changes: Any) -> R:
    """The record in state `to`. Raises Conflict when its life cycle has no such step."""
    allowed = _ALLOWED[type(record)][record.state]
    if to not in allowed:
        kind = type(record).__name__.lower()
        steps = ", ".join(sorted(allowed)) or "nothing"
        raise Conflict(
            f"{kind} {number_of(record.key)} is {record.state} and can't become {to}",
            f"from {record.state} it can become: {steps}",
        )
    return msgspec.structs.replace(record, state=to, **changes)
