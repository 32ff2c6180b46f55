"""Asks until there is an answer that can be used, or no sense in asking again. Imports the SDK."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from msgspec import structs
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from agents.model.errors import ModelError, ModelGarbage, ModelRefused, ModelRejected, ModelTruncated, Spent
from agents.model.http import Connection
from agents.model.question import Question
from agents.model.reply import Reply
from agents.model.settings import ModelSettings

T = TypeVar("T")
_LONGEST_PAUSE = 60.0
_TRUNCATED = {"length", "max_tokens", "max_output_tokens"}


async def ask_until_answered(
    connection: Connection,
    question: Question,
    settings: ModelSettings,
    spent: Spent,
    read: Callable[[str], T],
) -> tuple[T, Reply]:
    """`read` makes a value of the text, or raises ModelGarbage to have the model asked again."""

    async def once(question: Question) -> tuple[T, Reply]:
        spent.requests += 1
        reply = await connection.ask(question)
        spent.input_tokens += reply.input_tokens
        spent.output_tokens += reply.output_tokens
        _check(reply)
        return read(reply.text), reply

    retrying = _retrying(settings)
    try:
        try:
            return await retrying(once, question)
        except ModelRejected as error:
            if not (question.schema and "response_format" in error.message):
                raise
            # Some servers don't ignore a schema but refuse it; the instructions hold it too.
            return await retrying(once, structs.replace(question, enforce_schema=False))
    except ModelError as error:
        error.spent = spent
        raise


def _retrying(settings: ModelSettings) -> AsyncRetrying:
    return AsyncRetrying(
        stop=stop_after_attempt(max(settings.retries, 0) + 1),
        retry=retry_if_exception(lambda error: _worth_another_try(error, settings)),
        wait=lambda state: _pause(state, settings),
        reraise=True,
    )


def _check(reply: Reply) -> None:
    if reply.refusal or reply.finish == "content_filter":
        raise ModelRefused(f"the model refused: {reply.refusal[:300] or 'its content filter stepped in'}")
    if reply.finish in _TRUNCATED:
        hint = "raise `model.maxOutputTokens`, or ask for less at once"
        raise ModelTruncated("the model's answer was cut off at its token limit", hint, text=reply.text)
    if not (reply.text.strip() or reply.calls):
        raise ModelGarbage("the model answered with nothing")


def _worth_another_try(error: BaseException, settings: ModelSettings) -> bool:
    """A server that wants us to come back tomorrow gets no sleeping process."""
    return isinstance(error, ModelError) and error.transient and (error.retry_after or 0) <= settings.timeout


def _pause(state: RetryCallState, settings: ModelSettings) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ModelError) and error.retry_after is not None:
        # Spread out, or all agents come back in the same instant.
        return error.retry_after + random.uniform(0, settings.backoff)
    return wait_exponential_jitter(multiplier=settings.backoff, max=_LONGEST_PAUSE, jitter=settings.backoff)(
        state
    )
