"""What the scripted model server sends: whole answers and event streams in three dialects, sound or not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

USAGE = (11, 7)
_IDS = count(1)


@dataclass(frozen=True)
class Fault:
    """How an answer goes wrong. Everything may be combined; the default is a flawless answer."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()  # of tools: name, arguments (a text is sent as it is)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""  # the server's own error code, with a status
    message: str = "scripted"
    body: bytes | None = None  # sent as it is, whatever was asked
    truncated: bool = False
    refusal: str = ""
    error: str = ""  # told inside a 200: an error event, or a failed response
    hang: bool = False  # no byte, until the client gives up
    cut: bool = False  # half of the bytes, then the connection is closed
    quiet_cut: bool = False  # the same, but it looks like a proper end
    drip: float = 0.0  # seconds between bytes
    size: int = 0  # pads the text to so many bytes


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    api: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All that the model was told, instructions first."""
        if self.api == "completions":
            return str(self.body["prompt"])
        messages = self.body["messages" if self.api == "chat" else "input"]
        start = [self.body["instructions"]] if self.body.get("instructions") else []
        return "\n\n".join(start + [said(message) for message in messages])


def said(message: dict[str, Any]) -> str:
    """A message's text, or what a tool was called with, or said."""
    text = message.get("content") or message.get("output") or message.get("arguments") or ""
    return text if isinstance(text, str) else "".join(part.get("text", "") for part in text)


def payload(seen: Seen, fault: Fault) -> bytes:
    if fault.body is not None:
        return fault.body
    if fault.status != 200:
        code = fault.code or None
        return json.dumps({"error": {"message": fault.message, "type": "scripted", "code": code}}).encode()
    if seen.body.get("stream"):
        return _event_stream(seen, fault)
    return json.dumps(_whole(seen, fault)).encode()


def _whole(seen: Seen, fault: Fault) -> dict[str, Any]:
    head = {"id": "test-1", "model": seen.body["model"]}
    if seen.api == "responses":
        return head | _response(fault)
    if fault.error:
        return {"error": {"message": fault.error, "code": fault.code or "server_error"}}
    usage = {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1], "total_tokens": sum(USAGE)}
    choice: dict[str, Any] = {"index": 0, "finish_reason": _finish(fault)}
    if seen.api == "chat":
        content = None if fault.refusal else _text(fault)
        choice["message"] = {"role": "assistant", "content": content, "refusal": fault.refusal or None}
        if fault.calls:
            choice["message"]["tool_calls"] = [{"id": id_, **rest} for id_, rest in _chat_calls(fault)]
    else:
        choice["text"] = _text(fault)
    return head | {"choices": [choice], "usage": usage}


def _response(fault: Fault) -> dict[str, Any]:
    status = "failed" if fault.error else "incomplete" if _finish(fault) != "stop" else "completed"
    reason = {"length": "max_output_tokens"}.get(_finish(fault), _finish(fault))
    part: dict[str, Any] = {"type": "output_text", "text": _text(fault), "annotations": []}
    if fault.refusal:
        part, status = {"type": "refusal", "refusal": fault.refusal}, "completed"
    return {
        "object": "response",
        "status": status,
        "error": {"code": fault.code or "server_error", "message": fault.error} if fault.error else None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "output": [
            {"type": "reasoning", "summary": [], "content": None},
            {"type": "message", "role": "assistant", "content": [part]},
            *_response_calls(fault),
        ],
        "usage": {"input_tokens": USAGE[0], "output_tokens": USAGE[1], "total_tokens": sum(USAGE)},
    }


def _chat_calls(fault: Fault) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, arguments in fault.calls:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        yield f"call-{next(_IDS)}", {"type": "function", "function": {"name": name, "arguments": text}}


def _response_calls(fault: Fault) -> Iterator[dict[str, Any]]:
    for id_, rest in _chat_calls(fault):
        name, arguments = rest["function"]["name"], rest["function"]["arguments"]
        if name == "native":
            yield {"type": "apply_patch_call", "call_id": id_, "operation": json.loads(arguments)}
        else:
            yield {"type": "function_call", "call_id": id_, "name": name, "arguments": arguments}


def _event_stream(seen: Seen, fault: Fault) -> bytes:
    make = _response_events if seen.api == "responses" else _chunks
    events = [f"data: {json.dumps(event)}\n\n" for event in make(seen, fault)]
    return "".join([*events, "data: [DONE]\n\n"]).encode()


def _response_events(seen: Seen, fault: Fault) -> Iterator[dict[str, Any]]:
    whole = _whole(seen, fault)
    yield {"type": "response.created", "response": whole | {"status": "in_progress", "output": []}}
    for part in _parts(fault):
        yield {"type": "response.output_text.delta", "delta": part}
    if fault.error:
        yield {"type": "error", "code": fault.code or "server_error", "message": fault.error}
    else:
        yield {"type": f"response.{whole['status']}", "response": whole}


def _chunks(seen: Seen, fault: Fault) -> Iterator[dict[str, Any]]:
    head = {"id": "test-1", "model": seen.body["model"]}

    def chunk(part: str, finish: str | None) -> dict[str, Any]:
        if seen.api == "chat":
            name = "refusal" if fault.refusal else "content"
            return head | {"choices": [{"index": 0, "delta": {name: part}, "finish_reason": finish}]}
        return head | {"choices": [{"index": 0, "text": part, "finish_reason": finish}]}

    for part in _parts(fault):
        yield chunk(part, None)
    if fault.error:
        yield {"error": {"message": fault.error, "code": fault.code or "server_error"}}
        return
    for index, (id_, call) in enumerate(_chat_calls(fault)):
        yield from _call_chunks(head, index, id_, call["function"])
    yield chunk("", _finish(fault))
    if seen.body.get("stream_options", {}).get("include_usage"):
        yield head | {"choices": [], "usage": {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1]}}


def _call_chunks(
    head: dict[str, Any], index: int, id_: str, function: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Name first, then the arguments in pieces, as real servers do it."""
    text = function["arguments"]
    pieces = [{"id": id_, "function": {"name": function["name"], "arguments": ""}}]
    pieces += [{"function": {"arguments": text[start : start + 7]}} for start in range(0, len(text), 7)]
    for piece in pieces:
        delta = {"tool_calls": [{"index": index, **piece}]}
        yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def _text(fault: Fault) -> str:
    return fault.text.ljust(fault.size, "x")


def _parts(fault: Fault) -> list[str]:
    text = fault.refusal or _text(fault)
    step = max(3, len(text) // 50)
    return [text[start : start + step] for start in range(0, len(text), step)]


def _finish(fault: Fault) -> str:
    if fault.truncated:
        return "length"
    if fault.calls:
        return "stop"
    return "content_filter" if fault.refusal else "stop"
