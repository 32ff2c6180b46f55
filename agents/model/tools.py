"""Tools that a model may call, and what a conversation with them looks like in each dialect of the OpenAI API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

Body = dict[str, Any]


class Tool(Struct, frozen=True):
    """`native`: the endpoint knows the tool by its name, and the model was trained with it."""

    name: str
    description: str
    parameters: Body
    native: bool = False


class Call(Struct, frozen=True):
    """What the model wants done; `arguments` is JSON, as it wrote it."""

    id: str
    name: str
    arguments: str
    native: bool = False


class Turn(Struct, frozen=True):
    """`items`: an answer of Responses as it came, since it must be given back with what the model thought.

    A turn of a tool names the call that it answers.
    """

    role: Literal["user", "assistant", "tool"]
    text: str
    calls: tuple[Call, ...] = ()
    items: tuple[Body, ...] = ()
    call: Call | None = None
    failed: bool = False


def chat_tools(tools: Sequence[Tool]) -> list[Body]:
    return [{"type": "function", "function": _described(tool)} for tool in tools]


def responses_tools(tools: Sequence[Tool]) -> list[Body]:
    return [
        {"type": tool.name} if tool.native else {"type": "function", **_described(tool), "strict": False}
        for tool in tools
    ]


def _described(tool: Tool) -> Body:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def chat_message(turn: Turn) -> Body:
    if turn.call:
        return {"role": "tool", "tool_call_id": turn.call.id, "content": turn.text}
    message: Body = {"role": turn.role, "content": turn.text}
    if turn.calls:
        message["content"] = turn.text or None
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in turn.calls
        ]
    return message


def response_items(turn: Turn) -> list[Body]:
    if turn.call and turn.call.native:
        status = "failed" if turn.failed else "completed"
        kind = "apply_patch_call_output"
        return [{"type": kind, "call_id": turn.call.id, "status": status, "output": turn.text}]
    if turn.call:
        return [{"type": "function_call_output", "call_id": turn.call.id, "output": turn.text}]
    if turn.items:
        return list(turn.items)
    return [{"role": turn.role, "content": turn.text}]


def call_in(item: Body) -> Call | None:
    """The call that an item of a response's output is, if it is one."""
    if item.get("type") == "apply_patch_call":
        arguments = msgspec.json.encode(item.get("operation")).decode()
        return Call(str(item.get("call_id")), "apply_patch", arguments, native=True)
    if item.get("type") == "function_call":
        return Call(str(item.get("call_id")), str(item.get("name")), str(item.get("arguments") or "{}"))
    return None


def given_back(items: Sequence[Body]) -> tuple[Body, ...]:
    """Thoughts that the server has neither kept nor sent can't be given back."""
    return tuple(item for item in items if item.get("type") != "reasoning" or item.get("encrypted_content"))
