"""A real `refactory serve` over a repository of its own, and a plain HTTP client for it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "refactory.py")]


def private_environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LANG": "C.UTF-8",
    }


def make_repository(folder: Path) -> Path:
    repository = folder / "repository"
    subprocess.run(["git", "init", "-q", repository], check=True)
    (repository / ".refactory").mkdir()
    return repository


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Server:
    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[str]
    url: str
    token: str = field(default="", repr=False)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """With the token and as JSON, unless `headers` say otherwise; bytes are sent as they are."""
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, {name: text for name, text in given.items() if text})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def run(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """The program in the server's repository."""
        return subprocess.run(
            [*PROGRAM, *args],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def serving(folder: Path, *args: str) -> Iterator[Server]:
    repository, env = make_repository(folder), private_environment(folder)
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", *args],
        cwd=repository, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        server = Server(repository, env, process, process.stdout.readline().strip())
        try:
            server.token = (repository / ".git/refactory/token").read_text().strip()
            yield server
        finally:
            process.kill()
