"""Cancel a request and all its tasks that have not landed; what agents made of them is kept."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params, RequestId
from commands._records_text import request_text
from state.records import Request
from state.store import Store


class RequestCancel(Params):
    id: RequestId
    reason: Annotated[str, Meta(description="Why; kept with the tasks and in the audit log.")] = ""


def run(store: Store, params: RequestCancel) -> Request:
    from agents.tasks.cancellation import cancel_request

    return cancel_request(store, str(params.id), params.reason)


OPERATION = Operation(run, RequestCancel, "POST /requests/{id}/cancel", request_text)
