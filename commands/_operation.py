"""What a command file declares; the CLI, the HTTP API, its OpenAPI and the remote client are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, Literal, TypeVar, get_type_hints

import msgspec

from state.records import Record
from state.store import Store

Role = Literal["viewer", "agent", "operator", "admin"]

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P", bound="Params")
Rec = TypeVar("Rec", bound=Record)


class Params(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An operation's input: one definition for arguments and options, JSON bodies and query strings."""


def always_200(_: object) -> int:
    return 200


class Operation(msgspec.Struct, Generic[P, R], frozen=True):
    """`route`: "POST /requests/{id}/plans"; parameters in the path are the command's arguments.

    `text` renders the result for people, `formats` for other programs, on the command line. `exit_code` says what it
    means to a script, `status` to a client.
    """

    run: Callable[[Store, P], R]
    params: type[P]
    route: str
    text: Callable[[R], str]
    role: Role = "operator"
    exit_code: Callable[[R], int] = lambda _: 0
    formats: Mapping[str, Callable[[R], str]] = {}
    status: Callable[[R], int] = always_200

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.route.partition(" ")[2]

    def result_type(self) -> Any:
        return get_type_hints(self.run, include_extras=True)["return"]


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A part of a list; `total` counts all that match the filters.

    `shared`: the numbers in it that other records have, too, since branches were merged; their keys tell them apart.
    """

    items: list[T]
    total: int
    limit: int
    offset: int
    shared: list[int] = []


def page(store: Store, cls: type[Rec], limit: int, offset: int, **equals: str | None) -> Page[Rec]:
    """A part of the records whose fields equal these values (None: any)."""
    items, total, shared = store.page(cls, limit, offset, **equals)
    return Page(items=items, total=total, limit=limit, offset=offset, shared=shared)


def _id(kind: str) -> Any:
    text = f"The {kind}'s number, such as 7, or its whole key, such as 7-k3f9q2mx."
    # Only the OpenAPI needs the bounds: `Store.resolve` checks, and says more than a pattern could.
    schema = {"minimum": 1, "maximum": 999_999_999, "pattern": "^[1-9][0-9]{0,8}(-[0-9a-z]{8})?$"}
    return msgspec.Meta(description=text, extra_json_schema=schema, extra={"metavar": f"<{kind}Id>"})


RequestId = Annotated[int | str, _id("request")]
PlanId = Annotated[int | str, _id("plan")]
TaskId = Annotated[int | str, _id("task")]
OrchestrationId = Annotated[int | str, _id("orchestration")]
AgentName = Annotated[
    str,
    msgspec.Meta(
        description="The agent's name.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        extra={
            "metavar": "<agentName>",
            "env": "AGENT_NAME",
            "expected": "1 to 64 letters, digits and ._-, the first a letter or digit",
        },
    ),
]
Sha = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$",
        description="A whole commit id.",
        extra={"expected": "a whole commit id, 40 or 64 hexadecimal digits"},
    ),
]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=250)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=10_000, description="At most so many.")]
# As many as there can be numbers; SQLite takes no more than 64 bits.
Offset = Annotated[int, msgspec.Meta(ge=0, le=999_999_999, description="Skip so many first.")]
