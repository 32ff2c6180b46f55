"""Record a request in plain words."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params
from commands._text import fields
from state.errors import UsageError
from state.keys import number_of
from state.records import Request
from state.store import Store

_MOST = 1_000_000  # characters; a record's file stays well below the reader's 4 MiB


class RequestCreate(Params):
    title: Annotated[
        str,
        Meta(max_length=500, description="What is wanted, in one line.", extra_json_schema={"minLength": 1}),
    ]
    description: Annotated[
        str,
        Meta(max_length=_MOST, description="The details; `-` reads standard input.", extra={"text": True}),
    ] = ""


def run(store: Store, params: RequestCreate) -> Request:
    if not params.title.strip() or params.title.splitlines() != [params.title]:
        raise UsageError("title: must be one line that is not empty", "the rest can go to --description")
    with store.transaction("request:create") as changes:
        return changes.new(Request, title=params.title, description=params.description)


def text(request: Request) -> str:
    return fields([("request", number_of(request.key)), ("title", request.title), ("state", request.state)])


OPERATION = Operation(run, RequestCreate, "POST /requests", text, status=lambda _: 201)
