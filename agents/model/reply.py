"""What came back from a model, in any dialect of the OpenAI API, as one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from agents.model.settings import Api


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

    def add(self, part: Reply) -> None:
        """Take in the next part of a stream, but for its text: adding that up here would be quadratic."""
        self.refusal += part.refusal
        for name in ("finish", "model", "input_tokens", "output_tokens", "error_code", "error"):
            setattr(self, name, getattr(part, name) or getattr(self, name))


class _Message(Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(Struct):
    message: _Message | None = None
    delta: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


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
    output: list[_Item] = []
    status: str | None = None
    incomplete_details: _Reason | None = None
    error: _Fault | None = None
    usage: _Usage | None = None
    model: str | None = None


def _read_completion(data: Any) -> Reply:
    reply = _read_completion_event(data)
    if not (reply.error or data.get("choices")):
        raise msgspec.ValidationError("no choices")
    return reply


def _read_completion_event(data: Any) -> Reply:
    found = msgspec.convert(data, _Completion)
    if found.error:  # some gateways wrap their own failures in a 200
        return _failed(found.error)
    choice = found.choices[0] if found.choices else _Choice()
    message = choice.message or choice.delta or _Message(content=choice.text)
    return _reply(found.usage, found.model, message.content, choice.finish_reason, message.refusal)


def _read_response(data: Any) -> Reply:
    found = msgspec.convert(data, _Response)
    if found.error or found.status == "failed":
        return _failed(found.error or _Fault())
    parts = [part for item in found.output if item.type == "message" for part in item.content or ()]
    finish = found.incomplete_details.reason if found.incomplete_details else found.status
    text, refusal = ("".join(getattr(part, name) or "" for part in parts) for name in ("text", "refusal"))
    return _reply(found.usage, found.model, text, finish, refusal)


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
        input_tokens=spent.prompt_tokens or spent.input_tokens or 0,
        output_tokens=spent.completion_tokens or spent.output_tokens or 0,
    )


# Per dialect: how a whole answer is read, and how one event of a stream.
Reader = Callable[[Any], Reply]
READERS: dict[Api, tuple[Reader, Reader]] = {
    "responses": (_read_response, _read_response_event),
    "chat": (_read_completion, _read_completion_event),
    "completions": (_read_completion, _read_completion_event),
}
