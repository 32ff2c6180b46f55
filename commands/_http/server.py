"""The server around the application: its socket, its connections' limits, its end."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable

from aiohttp import web
from aiohttp.web_request import BaseRequest

from commands._http.application import BOUNDS, WORKERS
from commands._http.problems import LOG, of_http, problem
from state.errors import Busy, UsageError

_GRACE = 2.0  # seconds for the requests in hand when the server is told to end
_BACKLOG = 512  # connections that the kernel keeps until they are accepted
_LINGERING = 2.0  # seconds in which a refused body is read and dropped


def bound_socket(port: int) -> socket.socket:
    """A socket at this port of 127.0.0.1 (0: any free one). Raises Busy where another program has it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise Busy(
                f"port {port} is in use", "end the program that has it, or give another --port"
            ) from None
        raise UsageError(f"port {port}: {error.strerror}", "give another --port") from None
    return sock


async def serve(app: web.Application, sock: socket.socket, ready: Callable[[], None]) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        asyncio.get_running_loop().add_signal_handler(number, _tell, told, code)
    runner = web.AppRunner(app, shutdown_timeout=_GRACE)
    await runner.setup()
    server = await asyncio.get_running_loop().create_server(
        lambda: _connection(runner), sock=sock, backlog=_BACKLOG
    )
    ready()
    code = await told
    server.close()
    workers = app[WORKERS]
    if workers.at_work:
        LOG.warning(
            "ending; operations at work: %d; a second signal does not wait for them", len(workers.at_work)
        )
    await runner.cleanup()
    if workers.at_work:
        LOG.warning("ended; operations still at work: %d; run them again", len(workers.at_work))
    return code


def _tell(told: asyncio.Future[int], code: int) -> None:
    """The second signal ends it without waiting."""
    if told.done():
        os._exit(code)
    told.set_result(code)


def _connection(runner: web.AppRunner) -> Connection:
    bounds, server = runner.app[BOUNDS], runner.server
    assert server is not None
    # The time-out runs from the first moment: it also ends who never finishes his headers.
    return Connection(
        server,
        loop=asyncio.get_running_loop(),
        keepalive_timeout=bounds.seconds,
        lingering_time=_LINGERING,
        auto_decompress=False,
    ).bound_by(bounds.seconds, bounds.connections)


class Connection(web.RequestHandler):
    """aiohttp's connection with a bound on their number, on writing, and problem+json for its own errors."""

    __slots__ = ("_most", "_seconds")

    def bound_by(self, seconds: float, most: int) -> Connection:
        self._seconds, self._most = seconds, most
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport) and self._manager is not None
        # All must be with the kernel before an answer counts as written, else `close` could wait for ever.
        transport.set_write_buffer_limits(0)
        if len(self._manager.connections) > self._most:
            transport.abort()

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException):
            resp = of_http(resp, request.method)
        try:
            async with asyncio.timeout(self._seconds):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            return resp, True

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is half sent already")
        if status == 400:  # what was sent is not repeated: it may hold a token
            response = problem(400, "malformed", "not a valid HTTP request")
        else:
            LOG.error("%s failed", request.path, exc_info=exc)
            response = problem(500, "unexpected", "unexpected error", "the server's log says more")
        response.headers["Server"] = "refactory"
        response.force_close()
        return response
