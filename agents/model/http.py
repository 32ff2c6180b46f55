"""One request to one model over HTTP. Imports the SDK, so import this module only when a model is asked."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2
import msgspec

from agents.model.errors import (
    ModelCut,
    ModelError,
    ModelGarbage,
    ModelTimedOut,
    ModelTooLarge,
    ModelUnreachable,
    error_from_server,
)
from agents.model.question import REQUESTS, Question
from agents.model.reply import READERS, Reply, whole_calls
from agents.model.sdk import openai
from agents.model.settings import Endpoint, ModelSettings
from state.secrets import QUOTED_KEY

MAX_ANSWER = 16 * 2**20  # of text; the longest answer of today's models is a few MiB
MAX_STREAM = 4 * MAX_ANSWER  # events wrap every few letters in a hundred more
_CONNECT_TIMEOUT = 10.0
_MAX_DETAIL = 300
_OPTIONS: Any = {"security": {"bearer_auth": True}}  # never an OPENAI_ADMIN_KEY that happens to be set


def warm() -> None:
    """What each process would load and find out anew that is forked from this one."""
    import anyio

    asyncio.run(anyio.sleep(0))
    _certificates()
    openai.AsyncOpenAI(api_key="none").platform_headers()


@cache
def _certificates() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


class Connection:
    """A pool of connections to one endpoint, for use in one event loop."""

    def __init__(self, endpoint: Endpoint, settings: ModelSettings) -> None:
        self._endpoint = endpoint
        self._timeout = settings.timeout
        self._who = f"the model {settings.model} at {endpoint.host}"
        limit = MAX_STREAM if settings.stream else MAX_ANSWER
        self._client = openai.AsyncOpenAI(
            api_key=endpoint.key,
            base_url=endpoint.url,
            max_retries=0,
            timeout=httpx2.Timeout(settings.timeout, connect=min(_CONNECT_TIMEOUT, settings.timeout)),
            # A compressed answer could grow without bound after it was counted.
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultAsyncHttpxClient(
                event_hooks={"response": [_bound(limit)]}, verify=_certificates()
            ),
        )

    async def ask(self, question: Question) -> Reply:
        """Send one request. Whatever goes wrong on the way is a ModelError without secrets."""
        try:
            # The SDK's own time-out is for each read, so a server that drips would never meet it.
            async with asyncio.timeout(self._timeout):
                return await (self._stream(question) if question.stream else self._post(question))
        except ModelError:
            raise
        except Exception as error:
            failure = self._failure(error)
        # Outside the except block, so that no traceback shows the SDK's message, which may repeat the key.
        raise failure

    async def close(self) -> None:
        await self._client.close()

    async def _post(self, question: Question) -> Reply:
        path, body = REQUESTS[self._endpoint.api]
        response = await self._client.post(
            path, cast_to=httpx2.Response, body=body(question), options=_OPTIONS
        )
        read, _ = READERS[self._endpoint.api]
        return self._checked(read(msgspec.json.decode(response.content)))

    async def _stream(self, question: Question) -> Reply:
        path, body = REQUESTS[self._endpoint.api]
        _, read = READERS[self._endpoint.api]
        events = await self._client.post(
            path,
            cast_to=object,
            body=body(question),
            options=_OPTIONS,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        reply, texts, length = Reply(), [], 0
        async with events:
            async for event in events:
                part = read(event)
                reply.add(part)
                texts.append(part.text)
                length += len(part.text) + sum(len(piece.text) for piece in part.pieces)
                self._check_length(length)
        reply.text = "".join(texts)
        reply.calls = reply.calls or whole_calls(reply.pieces)
        if not texts:
            raise ModelGarbage(f"{self._who} sent no event of a stream", "set `model.stream` to false")
        if not (reply.finish or reply.error):
            raise ModelCut(f"{self._who} ended its answer in the middle")
        return self._checked(reply)

    def _checked(self, reply: Reply) -> Reply:
        self._check_length(len(reply.text))
        if reply.error:
            raise error_from_server(None, reply.error_code, self._clean(reply.error), who=self._who)
        return reply

    def _check_length(self, length: int) -> None:
        if length > MAX_ANSWER:
            raise ModelTooLarge(f"{self._who} answered more than {MAX_ANSWER >> 20} MiB")

    def _failure(self, error: Exception) -> ModelError:
        match error:
            case _TooLarge():
                return ModelTooLarge(f"{self._who}: {error}")
            case openai.APITimeoutError() | TimeoutError():
                return ModelTimedOut(
                    f"{self._who} did not answer within {self._timeout:g} s", "raise `model.timeout`"
                )
            case openai.APIStatusError():
                return self._refusal(error)
            case openai.APIConnectionError() | httpx2.HTTPError():
                return self._broken(error.__cause__ or error)
            case openai.APIError():
                code = error.code or error.type or ""
                return error_from_server(None, code, self._clean(error.message), who=self._who)
            case ValueError() | msgspec.MsgspecError() | RecursionError():
                return ModelGarbage(f"{self._who} sent what is no answer: {self._clean(str(error))}")
        return ModelError(
            f"{self._who} could not be asked: {type(error).__name__}: {self._clean(str(error))}"
        )

    def _refusal(self, error: openai.APIStatusError) -> ModelError:
        body = error.body if isinstance(error.body, dict) else {}
        said = body.get("message") if isinstance(body.get("message"), str) else error.message
        return error_from_server(
            error.status_code,
            error.code or error.type or "",
            self._clean(str(said)),
            who=self._who,
            retry_after=retry_after(error.response.headers.get("retry-after", "")),
        )

    def _broken(self, cause: BaseException) -> ModelError:
        detail = self._clean(str(cause) or type(cause).__name__)
        if isinstance(cause, httpx2.ConnectError | httpx2.ProxyError):
            return ModelUnreachable(
                f"{self._who} can't be reached: {detail}", "is the server up, and baseUrl right?"
            )
        return ModelCut(f"{self._who} broke the connection: {detail}")

    def _clean(self, text: str) -> str:
        """A server's words, fit for a terminal and a log: short, one line, without keys."""
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return QUOTED_KEY.sub("***", line.replace(self._endpoint.key, "***"))[:_MAX_DETAIL]


class _TooLarge(openai.OpenAIError):
    """Of the SDK's family, as it passes only these on unchanged."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise _TooLarge("the answer is larger than any real one")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _bound(limit: int) -> Callable[[httpx2.Response], Any]:
    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _TooLarge("the answer is compressed, though that was not asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, limit)

    return bound


def retry_after(header: str) -> float | None:
    """Seconds to wait, from either form of the header; None for anything else."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
