"""A scripted stand-in for an OpenAI-compatible server: real HTTP on the loopback, in all three dialects.

    with ModelServer(["an answer", Fault(status=500), "another"]) as server: ...

The script is a list, used up request by request, or a function of the request. `model_server` is the fixture.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from tests.model_payloads import USAGE, Fault, Seen, payload

__all__ = ["USAGE", "Fault", "ModelServer", "Seen", "model_server"]

DIALECTS = {"/v1/responses": "responses", "/v1/chat/completions": "chat", "/v1/completions": "completions"}

Reply = str | dict[str, Any] | Fault
Script = list[Reply] | Callable[[Seen], Reply]


class ModelServer:
    """Listens from the start; `requests` are what it saw, in order."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script if script is not None else []
        self.requests: list[Seen] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def env(self) -> dict[str, str]:
        """For a program that is to ask this server."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": "sk-test-key"}

    def reply(self, seen: Seen) -> Fault:
        with self._lock:
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

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: ModelServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.close_connection = True
        owner = cast(_Server, self.server).owner
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
            if fault.drip and cast(_Server, self.server).owner.stopping.wait(fault.drip):
                return

    def log_message(self, format: str, *args: object) -> None:
        pass
