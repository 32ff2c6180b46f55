"""Show what is going on: requests, plans, tasks, who works on what."""

from __future__ import annotations

import msgspec

from commands._operation import Operation, Params
from commands._text import fields, table
from state import leases
from state.keys import number_of
from state.records import Plan, Request, Task
from state.store import Store

_OVER = ("done", "cancelled")


class StatusParams(Params):
    pass


class Working(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A live lease: who holds a task, and until when (seconds since 1970)."""

    task: str
    holder: str
    expires: float


class Overview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`tasks` counts them by state; `open` are the requests that are not over."""

    requests: int
    plans: int
    tasks: dict[str, int]
    open: list[Request]
    working: list[Working]


def run(store: Store, params: StatusParams) -> Overview:
    requests = store.all(Request)
    live = [lease for lease in leases.all_leases(store.location.private) if lease.live()]
    return Overview(
        requests=len(requests),
        plans=len(store.keys(Plan)),
        tasks=store.count(Task, "state"),
        open=[request for request in requests if request.state not in _OVER],
        working=[Working(task=lease.task, holder=lease.holder, expires=lease.expires) for lease in live],
    )


def text(overview: Overview) -> str:
    head = fields(
        [
            ("requests", overview.requests),
            ("plans", overview.plans),
            ("tasks", ", ".join(f"{count} {state}" for state, count in overview.tasks.items()) or "none"),
            ("working", [f"{lease.holder} on task {number_of(lease.task)}" for lease in overview.working]),
        ]
    )
    rows = [(number_of(request.key), request.state, request.title) for request in overview.open]
    return f"{head}\n\n{table(('REQUEST', 'STATE', 'TITLE'), rows)}" if rows else head


OPERATION = Operation(run, StatusParams, "GET /status", text, role="viewer")
