"""What a model may do in the loop, one module a tool: `DESCRIPTION`, the type of its `Arguments`, and `use`.

Nothing here reaches outside the worktree, and only `apply_patch` changes files: within the task's scope.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Protocol, Self, cast

import msgspec

from agents.edits.changes import EditRefused
from agents.model.tools import Call, Tool
from agents.tasks.attempt import Job
from state.errors import RefactoryError

NAMES = ("list", "search", "read", "apply_patch", "run", "finish")
MOST = 24_000  # characters of one result: a model that wants more asks for a part


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """What the model gives a tool; unknown keys are ignored, as models make some up.

    `is_native`: endpoints know the tool by its name, and give it what `from_native` takes.
    """

    is_native: ClassVar[bool] = False

    @classmethod
    def from_native(cls, given: str) -> Self:
        return msgspec.json.decode(given, type=cls)


class ToolFailed(RefactoryError):
    """Told to the model, which may do better."""

    code = "tool_failed"


class Module(Protocol):
    DESCRIPTION: str
    Arguments: type[Arguments]

    def use(self, job: Job, arguments: Any, /) -> str: ...


def tools(native: bool) -> list[Tool]:
    """As the model is told of them; `native`: by their names alone where it was trained with them."""
    found = [(name, module(name)) for name in NAMES]
    return [
        Tool(name, tool.DESCRIPTION, _schema(tool.Arguments), native=native and tool.Arguments.is_native)
        for name, tool in found
    ]


def module(name: str) -> Module:
    found = import_module(f"agents.backends.tools.{name}_tool")
    return cast(Module, found)


def use(job: Job, call: Call) -> tuple[str, bool]:
    """What the model is told of its call, and whether it did what was asked."""
    if call.name not in NAMES:
        return f"there is no tool {call.name!r}, only: {', '.join(NAMES)}", False
    tool = module(call.name)
    try:
        arguments = tool.Arguments
        read = arguments.from_native if call.native else msgspec.json.Decoder(arguments).decode
        return shortened(tool.use(job, read(call.arguments))), True
    except (msgspec.MsgspecError, RecursionError) as error:
        return f"the arguments of {call.name} can't be read: {error}", False
    except (ToolFailed, EditRefused) as error:
        return error.told(), False


def shortened(text: str) -> str:
    """Start and end, where it is too long."""
    if len(text) <= MOST:
        return text
    half = MOST // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def _schema(arguments: type[Any]) -> dict[str, Any]:
    _, parts = msgspec.json.schema_components([arguments])
    (schema,) = (part for name, part in parts.items() if name == arguments.__name__)
    return {key: value for key, value in schema.items() if key != "title"}
