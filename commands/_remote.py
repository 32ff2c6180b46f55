"""The operations of another process: the HTTP request that each declares, its answer, the same errors."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from commands._operation import Operation, Params
from state.errors import FAMILIES, Forbidden, RefactoryError, Unavailable, UsageError
from state.origin import request_id
from state.tokens import known_token

P = TypeVar("P", bound=Params)
R = TypeVar("R")

_CONNECT = 10.0  # seconds; the answer itself may take as long as the work
_IDLE = 4.0  # seconds; the server closes an idle connection after 8
_UNEXPECTED = 70  # the exit code of a bug, here or there
_ERRORS = {cls.code: cls for cls in FAMILIES}
_BY_EXIT: dict[int | None, type[RefactoryError]] = {cls.exit_code: cls for cls in FAMILIES}


class _Problem(msgspec.Struct, rename="camel"):
    detail: str = ""
    code: str = ""
    hint: str | None = None
    exit_code: int | None = None


class Remote:
    """A server's API. Threads may share it: each has its own connection, kept while it is in use."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url.rstrip("/")
        self._parts = _checked(self._url)
        self._token = known_token(self._url, folder)
        self._local = threading.local()

    def call(self, operation: Operation[P, R], params: P) -> R:
        path, body = _request(operation, params)
        try:
            status, kind, data = self._exchange(operation.method, path, body)
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            raise Unavailable(
                f"{self._url}: no answer: {_reason(error)}", "is `refactory serve` running there?"
            ) from None
        if status >= 400:
            raise self._error(status, kind, data)
        try:
            result: R = msgspec.json.decode(data, type=operation.result_type())
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise self._no_api(f"status {status}, not the answer that was asked for") from None
        return result

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, str, bytes]:
        connection = self._connection()
        headers = {"Accept": "application/json", "X-Request-Id": request_id()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        connection.request(method, self._parts.path + path, body, headers)
        response = connection.getresponse()
        data = response.read()
        self._local.used = time.monotonic()
        return response.status, response.headers.get_content_type(), data

    def _connection(self) -> http.client.HTTPConnection:
        """The kept one, unless the server may be closing it: a request that was sent is never sent twice."""
        kept: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if kept is not None and kept.sock is not None and _idle(kept.sock, self._local.used):
            return kept
        self._drop()
        kept = self._local.connection = self._connected()
        return kept

    def _connected(self) -> http.client.HTTPConnection:
        secure = self._parts.scheme == "https"
        cls = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        host = self._parts.hostname or ""
        # `localhost` may be ::1 first, where another user's program may listen.
        connection = cls("127.0.0.1" if host == "localhost" else host, self._parts.port, timeout=_CONNECT)
        connection.connect()
        connection.sock.settimeout(None)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection

    def _drop(self) -> None:
        kept = getattr(self._local, "connection", None)
        if kept is not None:
            kept.close()
            self._local.connection = None

    def _error(self, status: int, kind: str, data: bytes) -> RefactoryError:
        try:
            found = msgspec.json.decode(data, type=_Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            found = _Problem()
        if kind != "application/problem+json" or not found.code:
            return self._no_api(f"status {status} without a reason")
        if status == 401:
            return Forbidden(
                f"{self._url}: {found.detail}",
                "set REF_API_TOKEN to what `refactory token:show` prints on the server's machine",
            )
        return self._same(found)

    def _same(self, found: _Problem) -> RefactoryError:
        if found.exit_code is not None:
            return _rebuilt(found)
        if found.code == "too_large":
            return UsageError(found.detail)
        error = Unavailable(f"{self._url}: {found.detail}", found.hint or "")
        if found.code == "unexpected":
            error.code, error.exit_code = found.code, _UNEXPECTED
        return error

    def _no_api(self, what: str) -> Unavailable:
        return Unavailable(f"{self._url}: {what}", "is this address a `refactory serve` of the same version?")


def _rebuilt(found: _Problem) -> RefactoryError:
    """Of the class that has this code, else of the one that has this exit code."""
    cls = _ERRORS.get(found.code) or _BY_EXIT.get(found.exit_code, RefactoryError)
    error = cls(found.detail, found.hint or "")
    error.code, error.exit_code = found.code, found.exit_code or cls.exit_code
    return error


def _checked(url: str) -> Any:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:  # a bracket that is left open, a port that is no number
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{url!r} is no server's address", "REF_API_URL looks like http://127.0.0.1:3000")
    return parts


def _request(operation: Operation[P, R], params: P) -> tuple[str, bytes | None]:
    """The path with its query string, and the body."""
    values: dict[str, Any] = msgspec.to_builtins(params)
    path = operation.path
    for name in [name for name in values if f"{{{name}}}" in path]:
        path = path.replace(f"{{{name}}}", _segment(name, str(values.pop(name))))
    if operation.method != "GET":
        return path, msgspec.json.encode(values)
    query = urlencode({name: _text(value) for name, value in values.items() if value is not None}, doseq=True)
    return (f"{path}?{query}" if query else path), None


def _segment(name: str, text: str) -> str:
    if text.strip(".") == "":
        raise UsageError(f"{name}: {text!r} is no name or id")  # a path would lose it on the way
    return quote(text, safe="")


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _idle(sock: socket.socket, used: float) -> bool:
    """Nothing to read: what an idle connection has to say is that it ends."""
    return time.monotonic() - used < _IDLE and not select.select([sock], [], [], 0)[0]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
