"""A scripted model for agents that others wrote: it uses the tools that they offer, in the dialect that they speak.

    with AgentModel(writes="def add(a, b): ...\n") as model: ...

It replaces FILE by what it is told to write, in as many turns as the agent's tools need, and then says so. Streaming
for Responses (codex) and for Anthropic's messages (claude); Chat Completions (aider) as one answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.loopback import Handler, Loopback

FILE = "calc.py"
SAID = "I have looked at it."
TOKENS = (11, 7)

Event = dict[str, Any]


@dataclass
class AgentModel(Loopback):
    """`status` other than 200, or `hang`, is all that it ever answers with."""

    writes: str | None = None
    status: int = 200
    hang: bool = False
    folder: Path = Path()
    paths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(_Handler)

    def answer(self, path: str, body: dict[str, Any]) -> tuple[str, bytes]:
        if path.endswith("/responses"):
            return "text/event-stream", _stream(self.responses(body))
        if path.endswith("/messages"):
            return "text/event-stream", _stream(self.messages(body))
        return "application/json", json.dumps(self.chat()).encode()

    def responses(self, body: dict[str, Any]) -> list[Event]:
        item: Event = {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": SAID}],
        }
        done = any(each["type"] == "function_call_output" for each in body["input"])
        if self.writes is not None and not done:
            offered = {tool.get("name") for tool in body["tools"]}
            name = next(name for name in ("exec_command", "shell_command", "shell") if name in offered)
            command = f"cat > {FILE} <<'END'\n{self.writes}END\n"
            given = {"exec_command": {"cmd": command}, "shell_command": {"command": command}}
            arguments = json.dumps(given.get(name, {"command": ["bash", "-c", command]}))
            item = {"type": "function_call", "call_id": "call-1", "name": name, "arguments": arguments}
        usage = {"input_tokens": TOKENS[0], "output_tokens": TOKENS[1], "total_tokens": sum(TOKENS)}
        return [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": {"id": "r", "output": [item], "usage": usage}},
        ]

    def messages(self, body: dict[str, Any]) -> list[Event]:
        """A file must have been read before it is written."""
        results = json.dumps(body["messages"]).count('"tool_result"')
        path = str(self.folder / FILE)
        uses = [("Read", {"file_path": path}), ("Write", {"file_path": path, "content": self.writes})]
        block: Event = {"type": "text", "text": ""}
        delta: Event = {"type": "text_delta", "text": SAID}
        if self.writes is not None and results < len(uses):
            name, given = uses[results]
            block = {"type": "tool_use", "id": f"use-{results}", "name": name, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
        stop = "end_turn" if block["type"] == "text" else "tool_use"
        usage = {"input_tokens": TOKENS[0], "output_tokens": 1}
        head = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "test",
            "content": [],
            "usage": usage,
        }
        return [
            {"type": "message_start", "message": head},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": TOKENS[1]}},
            {"type": "message_stop"},
        ]

    def chat(self) -> Event:
        text = SAID if self.writes is None else f"{FILE}\n```python\n{self.writes}```\n"
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": TOKENS[0], "completion_tokens": TOKENS[1], "total_tokens": sum(TOKENS)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "test",
            "choices": [choice],
            "usage": usage,
        }


def _stream(events: list[Event]) -> bytes:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


class _Handler(Handler):
    def do_POST(self) -> None:
        owner: AgentModel = self.owner
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        owner.paths.append(path)
        if owner.hang:
            owner.stopping.wait()
        elif owner.status != 200:
            said = {"type": "scripted", "message": "so says the script", "code": "scripted"}
            self._send(owner.status, "application/json", json.dumps({"error": said}).encode())
        else:
            self._send(200, *owner.answer(path, body))

    def do_GET(self) -> None:
        self._send(404, "application/json", b"{}")

    def _send(self, status: int, kind: str, payload: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
