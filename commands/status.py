"""Show what is going on: requests, plans, tasks, who works on what."""

from __future__ import annotations

import msgspec

from commands._operation import Operation, Params
from commands._text import fields, label, table
from state import leases
from state.keys import number_of
from state.lifecycle import CLOSED
from state.records import Plan, Request, Task
from state.store import Store


class StatusParams(Params):
    pass


class Working(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A live lease: who holds a task, and until when (seconds since 1970)."""

    task: str
    holder: str
    expires: float


class Overview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`tasks` counts them by state; `open` are the requests that are not over, `shared` numbers that
    other requests have, too."""

    requests: int
    plans: int
    tasks: dict[str, int]
    open: list[Request]
    working: list[Working]
    shared: list[int] = []


def run(store: Store, params: StatusParams) -> Overview:
    requests = store.all(Request)
    unfinished = [request for request in requests if request.state not in CLOSED]
    live = [lease for lease in leases.all_leases(store.location.private) if lease.live()]
    return Overview(
        requests=len(requests),
        plans=len(store.keys(Plan)),
        tasks=store.count(Task, "state"),
        open=unfinished,
        shared=store.shared(unfinished),
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
    rows = [(label(request.key, overview.shared), request.state, request.title) for request in overview.open]
    return f"{head}\n\n{table(('REQUEST', 'STATE', 'TITLE'), rows)}" if rows else head


OPERATION = Operation(run, StatusParams, "GET /status", text, role="viewer")
