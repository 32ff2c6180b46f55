"""What can go wrong between us and a model, one class for each thing a caller may want to do about it."""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec

from state.errors import RefactoryError, Unavailable


class Spent(msgspec.Struct):
    """What one question has cost so far, also when it failed: budgets count both."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class ModelError(Unavailable):
    """`kind` is stable: scripts, retries by failure class and records rely on it."""

    kind: ClassVar[str] = "failed"
    code = "model_failed"
    transient: ClassVar[bool] = False

    def __init__(self, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after
        self.spent = Spent()

    def __init_subclass__(cls) -> None:
        cls.code = f"model_{cls.kind}"


class ModelRateLimited(ModelError):
    kind = "rate_limited"
    transient = True


class ModelQuotaExhausted(ModelError):
    """Also a 429, but no waiting helps: somebody has to pay."""

    kind = "quota"


class ModelOverloaded(ModelError):
    kind = "overloaded"
    transient = True


class ModelUnreachable(ModelError):
    kind = "unreachable"
    transient = True


class ModelTimedOut(ModelError):
    kind = "timeout"
    transient = True


class ModelCut(ModelError):
    kind = "cut"
    transient = True


class ModelGarbage(ModelError):
    """The server said 200 and sent nothing that can be used."""

    kind = "garbage"
    transient = True


class ModelTooLarge(ModelError):
    kind = "too_large"


class ModelTruncated(ModelError):
    """The model ran out of tokens; `text` is what it had written by then."""

    kind = "truncated"

    def __init__(self, message: str, hint: str = "", *, text: str = "") -> None:
        super().__init__(message, hint)
        self.text = text


class ModelRefused(ModelError):
    kind = "refused"


class ModelContextTooLong(ModelError):
    kind = "context_too_long"


class ModelAuthFailed(ModelError):
    kind = "auth"


class ModelRejected(ModelError):
    """The server calls the request itself wrong: an unknown model, an option it does not take."""

    kind = "rejected"


class ModelNotRecorded(ModelError):
    """A replay has no answer to this question."""

    kind = "not_recorded"


class ModelCancelled(RefactoryError):
    """The caller said stop while the model was at work."""

    code = "cancelled"
    exit_code = 130

    def __init__(self) -> None:
        super().__init__("the request to the model was cancelled")
        self.spent = Spent()


_TOO_LONG = re.compile(
    r"context.{0,10}(length|size|window)|prompt is too long|too many tokens", re.IGNORECASE
)
_CLASS_OF_STATUS = {
    401: ModelAuthFailed,
    403: ModelAuthFailed,
    413: ModelContextTooLong,
    429: ModelRateLimited,
}
_CLASS_OF_CODE = {
    "insufficient_quota": ModelQuotaExhausted,
    "rate_limit_exceeded": ModelRateLimited,
    "context_length_exceeded": ModelContextTooLong,
    "invalid_api_key": ModelAuthFailed,
    "invalid_prompt": ModelRejected,
    "content_filter": ModelRefused,
}
_WORTH_ANOTHER_TRY = {408, 409, 425}
_NEVER_BETTER = {501, 505}
_HINTS = {
    ModelAuthFailed: "check the key, and that it may use this model",
    ModelQuotaExhausted: "the account has no credit left, or its limit is reached",
    ModelContextTooLong: "send less: narrow the task's scope, or split the task",
    ModelRejected: "check the model, api and baseUrl in .refactory/config.yaml",
}


def error_from_server(
    status: int | None, code: str, message: str, *, who: str, retry_after: float | None = None
) -> ModelError:
    """The error for what a server said, by status (None: inside a stream) and by its own error code."""
    if status is None and code.isdecimal():
        status = int(code)
    found = _class_of(status, code, message)
    said = f"{who} answered {status}" if status else f"{who} broke off"
    return found(
        ": ".join(filter(None, [said, message or code])), _HINTS.get(found, ""), retry_after=retry_after
    )


def _class_of(status: int | None, code: str, message: str) -> type[ModelError]:
    if code in _CLASS_OF_CODE:
        return _CLASS_OF_CODE[code]
    if status in (None, 400) and _TOO_LONG.search(message):
        return ModelContextTooLong
    if status is None:
        return ModelOverloaded
    if status in _WORTH_ANOTHER_TRY or (status >= 500 and status not in _NEVER_BETTER):
        return ModelOverloaded
    return _CLASS_OF_STATUS.get(status, ModelRejected)
