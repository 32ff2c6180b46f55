"""Answers of a fixed shape: one type is the schema for the model, and checks what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from agents.model.client import ModelClient, Turn
from agents.model.errors import ModelError
from agents.model.meter import Meter
from agents.model.token_budget import ANSWER
from agents.model.tokens import tokens_of
from state.errors import RefactoryError, UsageError
from state.records import Usage

T = TypeVar("T")
ROUNDS = 3


class NotValid(RefactoryError):
    """The model was told what is wrong with its answers, and did not come up with a better one."""

    code = "model_not_valid"


class Shape(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Strict schemas want every field required: subclasses have no defaults."""


def strict_schema(shape: type[Shape]) -> dict[str, Any]:
    """As strict servers want it: an object at the top, whose parts are in `$defs`."""
    _, parts = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    top, defs = parts.pop(shape.__name__), parts
    for part in (top, *defs.values()):
        for value in part["properties"].values():
            if "enum" in value:
                value["type"] = "string"  # msgspec leaves it out; strict servers insist on it
    return {**top, "$defs": defs} if defs else top


def ask_valid(
    client: ModelClient,
    instructions: str,
    prompt: str,
    shape: type[Shape],
    name: str,
    read: Callable[[Any], T],
    meter: Meter,
) -> T:
    """What `read` makes of the answer. Its UsageErrors go back to the model; after three answers NotValid is raised."""
    turns, schema = [Turn("user", prompt)], strict_schema(shape)
    problem = ""
    for _ in range(ROUNDS):
        size = tokens_of(instructions, *(turn.text for turn in turns), model=client.settings.model)
        limit, own = meter.answer_limit(meter.usage or Usage(), size), client.settings.max_output_tokens
        bound = own if limit is None else min(limit, own or ANSWER)
        try:
            given, answer = client.ask_json(instructions, turns, schema, name, max_output_tokens=bound)
        except ModelError as error:
            meter.pay(error.spent, client.settings.model)
            raise
        meter.pay(answer.spent, answer.model)
        try:
            return read(msgspec.convert(given, shape))
        except msgspec.ValidationError as error:
            problem = str(error)
        except UsageError as error:
            problem = error.told("; ")
        again = f"That can't be used: {problem}. Answer again, with the whole object."
        turns += [Turn("assistant", answer.text), Turn("user", again)]
    raise NotValid(problem)
