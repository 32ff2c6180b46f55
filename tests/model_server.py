"""A scripted stand-in for an OpenAI-compatible server: real HTTP on the loopback, in all three dialects.

    with ModelServer(["an answer", Fault(status=500), "another"]) as server: ...

The script is a list, used up request by request, or a function of the request. `model_server` is the fixture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.loopback import Handler, Loopback
from tests.model_payloads import USAGE, Fault, Seen, payload

__all__ = ["USAGE", "Fault", "ModelServer", "Seen", "model_server"]

DIALECTS = {"/v1/responses": "responses", "/v1/chat/completions": "chat", "/v1/completions": "completions"}

Reply = str | dict[str, Any] | Fault
Script = list[Reply] | Callable[[Seen], Reply]


class ModelServer(Loopback):
    """Listens from the start; `requests` are what it saw, in order."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script if script is not None else []
        self.requests: list[Seen] = []
        super().__init__(_Handler)

    @property
    def url(self) -> str:
        return f"{super().url}/v1"

    @property
    def env(self) -> dict[str, str]:
        """For a program that is to ask this server."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": "sk-test-key"}

    def reply(self, seen: Seen) -> Fault:
        with self.lock:
            self.requests.append(seen)
            if callable(self.script):
                found = self.script(seen)
            elif self.script:
                found = self.script.pop(0)
            else:
                found = Fault(status=400, message="the script of the test has no more answers")
        if isinstance(found, dict):
            found = json.dumps(found)
        return Fault(text=found) if isinstance(found, str) else found


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


class _Handler(Handler):
    def do_POST(self) -> None:
        self.close_connection = True
        owner: ModelServer = self.owner
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path not in DIALECTS:
            return self._send(404, b'{"error": {"message": "no such path"}}', Fault())
        seen = Seen(DIALECTS[self.path], {k.lower(): v for k, v in self.headers.items()}, body)
        fault = owner.reply(seen)
        if fault.hang:
            owner.stopping.wait()
            return None
        try:
            return self._send(fault.status, payload(seen, fault), fault)
        except OSError:
            return None  # the client gave up, which is what many tests are about

    def _send(self, status: int, payload: bytes, fault: Fault) -> None:
        self.send_response(status)
        kind = "text/event-stream" if payload.startswith((b"data:", b"event:")) else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(payload)), "Connection": "close"}
        if fault.quiet_cut:
            del headers["Content-Length"]
        for name, value in {**headers, **fault.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.cut or fault.quiet_cut:
            payload = payload[: len(payload) // 2]
        step = 1 if fault.drip else 2**20
        for start in range(0, len(payload), step):
            self.wfile.write(payload[start : start + step])
            if fault.drip and self.owner.stopping.wait(fault.drip):
                return
