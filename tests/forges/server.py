"""A forge on the loopback that keeps state: real HTTP, a real repository to push to, faults when a test wants them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.forges import forgejo, github, gitlab
from tests.forges.git_backend import serve_git
from tests.forges.openapi import description, violation
from tests.forges.state import NAME, OWNER, TOKEN, State
from tests.loopback import Handler, Loopback

DIALECTS: dict[str, ModuleType] = {"github": github, "gitlab": gitlab, "forgejo": forgejo}


@dataclass
class Fault:
    """Instead of an answer, `times` times, where "METHOD path" matches `where`.

    `after`: it is done all the same. `hang`: seconds before the answer. `status` 0: the connection is cut.
    """

    where: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    after: bool = False
    hang: float = 0
    times: int = 1


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class ForgeServer(Loopback):
    """Listens from the start. `branches`: a repository to begin with; no pushes then.

    `seen`: the API's requests, in order; `invalid`: those that GitHub's description forbids.
    """

    def __init__(self, kind: str, folder: Path, branches: Path | None = None) -> None:
        self.kind = kind
        self.dialect = DIALECTS[kind]
        if kind == "github":
            description()
        self.root = folder
        repository = folder / OWNER / f"{NAME}.git"
        if branches:
            shutil.copytree(branches, repository)
        else:
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(repository)], check=True)
            subprocess.run(["git", "config", "http.receivepack", "true"], cwd=repository, check=True)
        self.state = State(repository)
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.invalid: list[str] = []
        super().__init__(_Handler)

    @property
    def remote(self) -> str:
        return f"{self.url}/{OWNER}/{NAME}.git"

    def count(self, where: str) -> int:
        return sum(bool(re.fullmatch(where, f"{one.method} {one.path}")) for one in self.seen)

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.fullmatch(fault.where, f"{method} {path}"):
                    fault.times -= 1
                    return fault
        return None

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        prefix = self.dialect.PREFIX
        if not parts.path.startswith(f"{prefix}/"):
            outside = getattr(self.dialect, "outside", None)
            return (
                outside(self.state, method, parts.path, query) if outside else (404, {"message": "Not Found"})
            )
        path = [unquote(part) for part in parts.path.removeprefix(f"{prefix}/").split("/")]
        with self.lock:
            found: tuple[int, Any] = self.dialect.answer(self.state, self.url, method, path, query, body)
            return found


class _Handler(Handler):
    def _serve(self) -> None:
        owner: ForgeServer = self.owner
        data = self._body()
        parts = urlsplit(self.path)
        if parts.path.startswith(f"/{OWNER}/{NAME}.git/"):
            serve_git(self, owner.root, parts.path, parts.query, data)
            return None
        owner.seen.append(Seen(self.command, parts.path, dict(self.headers), data, time.monotonic()))
        if owner.kind == "github" and (wrong := violation(self.command, self.path, dict(self.headers), data)):
            owner.invalid.append(wrong)
        fault = owner.fault(self.command, parts.path)
        if self.headers.get("Authorization") != owner.dialect.AUTH + TOKEN:
            return self._send(401, {"message": "Bad credentials"})
        body = json.loads(data) if data else None
        status, found = owner.answer(self.command, self.path, body) if not fault or fault.after else (0, None)
        if fault:
            owner.stopping.wait(fault.hang)
            if not fault.status:
                self.close_connection = True
                return None
            status, found = fault.status, fault.body
        return self._send(status, found, fault.headers if fault else {})

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _send(self, status: int, found: Any, headers: Mapping[str, str] | None = None) -> None:
        data = (
            found.encode() if isinstance(found, str) else b"" if found is None else json.dumps(found).encode()
        )
        kind = "text/html" if isinstance(found, str) else "application/json; charset=utf-8"
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
