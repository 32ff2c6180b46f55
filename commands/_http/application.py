"""The HTTP API: one handler for each operation that the command files declare."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from commands._http.conditions import condition, etag, is_its_own, subject
from commands._http.guard import PORT, REQUEST_ID, TOKEN, TOKENS, guard, require
from commands._http.input import from_body, from_query, read_body
from commands._http.once import HEADER, Answer, forget_old, once
from commands._http.openapi import document
from commands._http.problems import Handler, Refused, problems
from commands._http.routes import Exposed, exposed
from commands._operation import Operation
from commands._view import view
from state.keys import number_of
from state.records import Record
from state.store import Store
from state.tokens import Tokens

T = TypeVar("T")

_READERS, _WRITERS = 4, 16  # threads; apart, since a reconciliation may run tests for minutes
_JSON = "application/json"


@dataclass(frozen=True)
class Bounds:
    """What one client may take. `seconds`: to send its headers, its body, to take the answer, to be idle."""

    seconds: float = 8.0
    body: int = 12 * 1024 * 1024
    connections: int = 512


@dataclass
class Workers:
    """Operations run in threads: they read files, wait for locks, start git."""

    readers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_READERS, "read"))
    writers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_WRITERS, "write"))
    at_work: set[Future[Any]] = field(default_factory=set)

    async def run(self, reading: bool, work: Callable[[], T]) -> T:
        executor = self.readers if reading else self.writers
        future = executor.submit(contextvars.copy_context().run, work)
        self.at_work.add(future)
        future.add_done_callback(self.at_work.discard)
        return await asyncio.wrap_future(future)


STORE = web.AppKey("store", Store)
KEPT = web.AppKey("kept", Path)
BOUNDS = web.AppKey("bounds", Bounds)
WORKERS = web.AppKey("workers", Workers)


def application(store: Store, port: int, bounds: Bounds | None = None) -> web.Application:
    bounds = bounds or Bounds()
    app = web.Application(middlewares=[problems, guard], client_max_size=bounds.body)
    app[STORE], app[PORT], app[BOUNDS] = store, port, bounds
    app[TOKENS] = Tokens(store.location.private)
    app[KEPT] = store.location.private / "idempotency"
    forget_old(app[KEPT])
    app.cleanup_ctx.append(_workers)
    app.on_response_prepare.append(_headers)
    operations = exposed()
    shown = {each.operation.path for each in operations if each.operation.method == "GET"}
    paths = {each.operation.path for each in operations}
    for each in operations:
        resource = app.router.add_resource(_route(each.operation.path, paths))
        for method in ("GET", "HEAD") if each.operation.method == "GET" else (each.operation.method,):
            resource.add_route(method, _handler(each.operation, shown))
    app.router.add_get("/healthz", _fixed({"status": "ok", "version": program_version()}))
    app.router.add_get("/openapi.json", _openapi(operations))
    return app


def _route(path: str, paths: Collection[str]) -> str:
    """With parameters that are not the words of other paths: `/requests/import` is no request's."""
    start, brace, _ = path.partition("{")
    if not brace or not path.endswith("}"):
        return path
    words = {other.removeprefix(start) for other in paths if other.startswith(start) and "{" not in other}
    words = {word for word in words if "/" not in word}
    return f"{path[:-1]}:(?!(?:{'|'.join(sorted(words))})$)[^{{}}/]+}}" if words else path


def program_version() -> str:
    try:
        return version("refactory-orchestrator")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


def _handler(operation: Operation[Any, Any], shown: set[str]) -> Handler:
    reading, cls = operation.method == "GET", subject(operation)

    async def handle(request: web.Request) -> web.StreamResponse:
        require(request, operation.role)
        app, path, query = request.app, request.match_info, list(request.query.items())
        body = b"" if reading else await read_body(request, app[BOUNDS].seconds)

        def work() -> Answer:
            if reading:
                params = from_query(operation.params, path, query)
                # Taken before it is read: a change in between makes it too old, never too new.
                tag = etag(app[STORE].get(cls, path["id"])) if cls and is_its_own(operation) else {}
                return _answer(operation, operation.run(app[STORE], params), shown, tag)
            from_query(_NoQuery, {}, query)
            params = from_body(operation.params, path, body)
            with condition(request, app[STORE], cls):
                return _answer(operation, operation.run(app[STORE], params), shown)

        answer = await app[WORKERS].run(reading, _kept(request, body, work) if not reading else work)
        return web.Response(
            status=answer.status, headers=answer.headers, body=answer.body, content_type=_JSON
        )

    return handle


def _kept(request: web.Request, body: bytes, work: Callable[[], Answer]) -> Callable[[], Answer]:
    """The work, done once for each Idempotency-Key of a bearer."""
    if HEADER not in request.headers:
        return work
    keys = request.headers.getall(HEADER)
    if len(keys) > 1 or not 1 <= len(keys[0]) <= 255:
        raise Refused(400, "malformed", f"{HEADER}: one of 1 to 255 characters is expected")
    key = f"{request[TOKEN].name} {keys[0]}"
    asked = f"{request.method} {request.raw_path} ".encode() + body
    return partial(once, request.app[KEPT], key, asked, work)


class _NoQuery(msgspec.Struct):
    """Where a body is expected, the query string must be empty."""


def _answer(
    operation: Operation[Any, Any], result: Any, shown: set[str], tag: Mapping[str, str] | None = None
) -> Answer:
    status, code = operation.status(result), operation.exit_code(result)
    headers = {"Refactory-Exit-Code": str(code)} if code else {}
    headers |= tag or {}
    if isinstance(result, Record) and (status == 201 or type(result) is subject(operation)):
        headers |= etag(result)
    if status == 201 and isinstance(result, Record) and f"/{result.folder}/{{id}}" in shown:
        headers["Location"] = f"/{result.folder}/{number_of(result.key)}"
    return Answer(status, headers, msgspec.json.encode(view(result)))


def _fixed(value: dict[str, Any]) -> Handler:
    body = msgspec.json.encode(value)

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=_JSON)

    return handle


def _openapi(operations: list[Exposed]) -> Handler:
    fixed = _fixed(document(operations, program_version()))

    async def handle(request: web.Request) -> web.StreamResponse:
        require(request, "viewer")
        return await fixed(request)

    return handle


async def _headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "refactory"
    if REQUEST_ID in request:
        response.headers[REQUEST_ID] = request[REQUEST_ID]
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"


async def _workers(app: web.Application) -> AsyncIterator[None]:
    workers = app[WORKERS] = Workers()
    yield
    for executor in (workers.readers, workers.writers):
        executor.shutdown(wait=False, cancel_futures=True)
