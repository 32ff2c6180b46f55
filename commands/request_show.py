"""Show a request."""

from __future__ import annotations

from commands._operation import Operation, Params, RequestId
from commands._text import fields
from state.keys import number_of
from state.records import Request
from state.store import Store


class RequestShow(Params):
    id: RequestId


def run(store: Store, params: RequestShow) -> Request:
    return store.get(Request, params.id)


def text(request: Request) -> str:
    return fields(
        [
            ("request", number_of(request.key)),
            ("key", request.key),
            ("title", request.title),
            ("state", request.state),
            ("created", request.created),
            ("description", request.description),
        ]
    )


OPERATION = Operation(run, RequestShow, "GET /requests/{id}", text, role="viewer")
