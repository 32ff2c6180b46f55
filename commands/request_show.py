"""Show a request."""

from __future__ import annotations

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from commands._operation import Operation, Params, RequestId
from commands._records_text import request_text, usage_text
from commands._text import fields
from state.records import Plan, Request, Usage
from state.store import Store


class RequestShow(Params):
    id: RequestId


class RequestShown(Request, frozen=True, kw_only=True):
    """A request, and what models were asked for all its plans, if any was; `cost` by the configured price."""

    usage: Usage | UnsetType = UNSET
    cost: float | UnsetType = UNSET


def run(store: Store, params: RequestShow) -> RequestShown:
    from agents.model.prices import cost
    from agents.model.token_budget import spent, total

    request = store.get(Request, params.id)
    plans = store.all(Plan, lambda plan: plan.request == request.key)
    usage = total(usage for plan in plans for usage in spent(store, plan))
    price = store.config.model.price
    if not usage.requests:
        return RequestShown(**asdict(request))
    return RequestShown(**asdict(request), usage=usage, cost=cost(usage, price) if price else UNSET)


def text(shown: RequestShown) -> str:
    used = fields([("tokens", usage_text(shown.usage or None, shown.cost or None))])
    return "\n".join(part for part in (request_text(shown), used) if part)


OPERATION = Operation(run, RequestShow, "GET /requests/{id}", text, role="viewer")
