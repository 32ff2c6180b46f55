"""Tries again what a forge was too busy for, as long as `forge.patience` allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from agents.forge.errors import ForgeError
from state.config import Forge as Settings

T = TypeVar("T")
_LONGEST_PAUSE = 60.0


def patiently(settings: Settings, call: Callable[[], T]) -> T:
    """`call` must bear to be done twice: what it makes it looks for first, as an answer may have been lost."""
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, ForgeError) and error.transient),
        wait=lambda state: _pause(state, settings),
        stop=stop_before_delay(settings.patience),
        reraise=True,
    )
    return retrying(call)


def _pause(state: RetryCallState, settings: Settings) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ForgeError) and error.retry_after is not None:
        return error.retry_after
    return wait_exponential_jitter(multiplier=settings.backoff, max=_LONGEST_PAUSE, jitter=settings.backoff)(
        state
    )
