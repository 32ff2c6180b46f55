"""An event loop in a thread: blocking callers get deadlines and cancelling that work at any moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from agents.model.errors import ModelCancelled

T = TypeVar("T")
_POLL = 0.05


class LoopThread:
    def __init__(self) -> None:
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        threading.Thread(target=asyncio.run, args=[_idle(started)], name="model", daemon=True).start()
        self._loop, self._stop = started.result()

    def run(self, work: Coroutine[Any, Any, T], cancelled: Callable[[], bool] | None = None) -> T:
        """The result of the work, or ModelCancelled as soon as `cancelled` says so."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not future.done():
                if cancelled and cancelled():
                    raise ModelCancelled
                wait([future], _POLL if cancelled else None)
            return future.result()
        finally:
            # Also after Ctrl-C: the request must not go on, and cost, behind our back.
            future.cancel()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)


async def _idle(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    stop = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()
