"""List the requests."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Limit, Offset, Operation, Page, Params, page
from commands._text import label, table
from state.records import Request, RequestState
from state.store import Store


class RequestList(Params):
    state: Annotated[RequestState | None, Meta(description="Only those in this state.")] = None
    limit: Limit = 100
    offset: Offset = 0


def run(store: Store, params: RequestList) -> Page[Request]:
    return page(store, Request, params.limit, params.offset, state=params.state)


def text(result: Page[Request]) -> str:
    rows = [(label(r.key, result.shared), r.state, r.title) for r in result.items]
    return table(("ID", "STATE", "TITLE"), rows) if rows else "no requests"


OPERATION = Operation(run, RequestList, "GET /requests", text, role="viewer")
