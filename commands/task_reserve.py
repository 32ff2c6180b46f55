"""Set tokens of the budget aside for the next call of a model; exit code 5: not now, ask again."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from commands._operation import Operation, Params, TaskId
from state.records import Task, Usage
from state.store import Store

Tokens = Annotated[int, Meta(ge=0)]


class TaskReserve(Params):
    id: TaskId
    token: Annotated[int, Meta(description="The claim's fencing token.")]
    used: Annotated[Tokens, Meta(description="Tokens that were used since the task was claimed.")]
    wanted: Annotated[Tokens, Meta(description="Tokens that the next call may use.")]
    used_output: Annotated[Tokens, Meta(description="How many of the used ones were answers.")] = 0
    wanted_output: Annotated[Tokens, Meta(description="How many of the wanted ones are for the answer.")] = 0


class Reserved(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """False while the calls of other agents may use what is left."""

    granted: bool


def run(store: Store, params: TaskReserve) -> Reserved:
    from agents.model.token_budget import reserve

    task = store.get(Task, params.id)
    used = _usage(params.used, params.used_output)
    wanted = _usage(params.wanted, params.wanted_output)
    return Reserved(granted=reserve(store, task.key, params.token, used, wanted))


def _usage(tokens: int, output: int) -> Usage:
    return Usage(input_tokens=max(0, tokens - output), output_tokens=output)


def text(reserved: Reserved) -> str:
    return "granted" if reserved.granted else "not now: others may use what is left"


OPERATION = Operation(
    run,
    TaskReserve,
    "POST /tasks/{id}/reserve",
    text,
    role="agent",
    exit_code=lambda reserved: 0 if reserved.granted else 5,
)
