"""Show a request."""

from __future__ import annotations

from commands._operation import Operation, Params, RequestId
from commands._records_text import request_text
from state.records import Request
from state.store import Store


class RequestShow(Params):
    id: RequestId


def run(store: Store, params: RequestShow) -> Request:
    return store.get(Request, params.id)


OPERATION = Operation(run, RequestShow, "GET /requests/{id}", request_text, role="viewer")
