"""List the plans."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Limit, Offset, Operation, Page, Params, RequestId, page
from commands._text import label, table
from state.keys import number_of
from state.records import Plan, PlanState, Request
from state.store import Store


class PlanList(Params):
    request_id: Annotated[RequestId | None, Meta(description="Only this request's.")] = None
    state: Annotated[PlanState | None, Meta(description="Only those in this state.")] = None
    limit: Limit = 100
    offset: Offset = 0


def run(store: Store, params: PlanList) -> Page[Plan]:
    request = None if params.request_id is None else store.get(Request, params.request_id).key
    return page(store, Plan, params.limit, params.offset, request=request, state=params.state)


def text(result: Page[Plan]) -> str:
    rows = [(label(p.key, result.shared), number_of(p.request), p.state, len(p.tasks)) for p in result.items]
    return table(("ID", "REQUEST", "STATE", "TASKS"), rows) if rows else "no plans"


OPERATION = Operation(run, PlanList, "GET /plans", text, role="viewer")
