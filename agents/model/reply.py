"""What came back from a model, in any dialect of the OpenAI API, as one type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agents.model.settings import Api
from agents.model.tools import Body, Call, call_in, given_back


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _Piece(Struct):
    """A call, or a piece of one: only the first has its id and its name."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None

    @property
    def text(self) -> str:
        return (self.function and self.function.arguments) or ""


class Reply(Struct):
    """An answer, or the part of one that came so far."""

    text: str = ""
    finish: str = ""
    refusal: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    error_code: str = ""
    error: str = ""
    calls: list[Call] = []
    items: tuple[Body, ...] = ()
    pieces: list[_Piece] = []  # of calls, as a stream brings them

    def add(self, part: Reply) -> None:
        """Take in the next part of a stream, but for its text: adding that up here would be quadratic."""
        self.refusal += part.refusal
        for name in (
            "finish",
            "model",
            "input_tokens",
            "output_tokens",
            "error_code",
            "error",
            "items",
            "calls",
        ):
            setattr(self, name, getattr(part, name) or getattr(self, name))
        self.pieces += part.pieces


class _Message(Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Piece] | None = None


class _Choice(Struct):
    message: _Message | None = None
    delta: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


_MOST_TOKENS = 2**40


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Fault(Struct):
    code: str | int | None = None
    message: str | None = None


class _Completion(Struct):
    choices: list[_Choice] = []
    error: _Fault | None = None
    usage: _Usage | None = None
    model: str | None = None


class _Part(Struct):
    text: str | None = None
    refusal: str | None = None


class _Item(Struct):
    type: str = ""
    content: list[_Part] | None = None


class _Reason(Struct):
    reason: str = ""


class _Response(Struct):
    output: list[Body] = []
    status: str | None = None
    incomplete_details: _Reason | None = None
    error: _Fault | None = None
    usage: _Usage | None = None
    model: str | None = None


def _read_completion(data: Any) -> Reply:
    reply = _read_completion_event(data)
    if not (reply.error or data.get("choices")):
        raise msgspec.ValidationError("no choices")
    reply.calls = whole_calls(reply.pieces)
    return reply


def whole_calls(pieces: Sequence[_Piece]) -> list[Call]:
    """Put together by their index; some servers number nothing, and an id starts the next call."""
    found: dict[int, tuple[str, str, list[str]]] = {}
    for piece in pieces:
        index = piece.index
        if index is None:
            index = len(found) if piece.id or not found else len(found) - 1
        function = piece.function or _Function()
        id_, name, texts = found.get(index, ("", "", []))
        found[index] = (id_ or piece.id or "", name or function.name or "", [*texts, piece.text])
    return [Call(id_, name, "".join(texts) or "{}") for id_, name, texts in found.values()]


def _read_completion_event(data: Any) -> Reply:
    found = msgspec.convert(data, _Completion)
    if found.error:  # some gateways wrap their own failures in a 200
        return _failed(found.error)
    choice = found.choices[0] if found.choices else _Choice()
    message = choice.message or choice.delta or _Message(content=choice.text)
    reply = _reply(found.usage, found.model, message.content, choice.finish_reason, message.refusal)
    reply.pieces = message.tool_calls or []
    return reply


def _read_response(data: Any) -> Reply:
    found = msgspec.convert(data, _Response)
    if found.error or found.status == "failed":
        return _failed(found.error or _Fault())
    items = msgspec.convert(found.output, list[_Item])
    parts = [part for item in items if item.type == "message" for part in item.content or ()]
    finish = found.incomplete_details.reason if found.incomplete_details else found.status
    text, refusal = ("".join(getattr(part, name) or "" for part in parts) for name in ("text", "refusal"))
    reply = _reply(found.usage, found.model, text, finish, refusal)
    reply.calls = [call for call in map(call_in, found.output) if call]
    reply.items = given_back(found.output)
    return reply


def _read_response_event(data: Any) -> Reply:
    """The last event repeats the whole answer, so the small ones before it are not collected."""
    event = msgspec.convert(data, dict[str, Any])
    if event.get("type") in ("response.completed", "response.incomplete", "response.failed"):
        return _read_response(event.get("response"))
    if event.get("type") == "error":
        return _failed(msgspec.convert(event, _Fault))
    return Reply()


def _failed(fault: _Fault) -> Reply:
    return Reply(error_code=str(fault.code or ""), error=fault.message or "no reason given")


def _reply(
    usage: _Usage | None, model: str | None, text: str | None, finish: str | None, refusal: str | None
) -> Reply:
    spent = usage or _Usage()
    return Reply(
        text=text or "",
        finish=finish or "",
        refusal=refusal or "",
        model=model or "",
        input_tokens=_count(spent.prompt_tokens or spent.input_tokens),
        output_tokens=_count(spent.completion_tokens or spent.output_tokens),
    )


def _count(tokens: int | None) -> int:
    """What can't be is as if it had not been told: below zero it would make room in a budget."""
    return tokens if tokens and 0 < tokens <= _MOST_TOKENS else 0


# Per dialect: how a whole answer is read, and how one event of a stream.
Reader = Callable[[Any], Reply]
READERS: dict[Api, tuple[Reader, Reader]] = {
    "responses": (_read_response, _read_response_event),
    "chat": (_read_completion, _read_completion_event),
    "completions": (_read_completion, _read_completion_event),
}
