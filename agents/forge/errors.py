"""What can go wrong between us and a forge: one class for each thing that somebody may want to do about it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from state.errors import Conflict, Forbidden, NotFound, RefactoryError, Unavailable

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")
_RATE_LIMIT = re.compile(r"rate limit|too many requests|retry your request again later", re.IGNORECASE)
_EXISTS = re.compile(r"already exists", re.IGNORECASE)
_NO_HEADER_WAIT = 60.0  # what GitHub asks for where it names no time


class ForgeError(RefactoryError):
    """`transient`: worth another try, after `retry_after` seconds if the forge said so. `status`: of its answer."""

    transient: ClassVar[bool] = False

    def __init__(
        self, message: str, hint: str = "", *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after

    def add(self, where: str) -> None:
        """What is there all the same."""
        self.message = f"{where}: {self.message}"
        self.args = (self.message,)


class ForgeAuth(ForgeError, Forbidden):
    code = "forge_auth"


class ForgeForbidden(ForgeError, Forbidden):
    code = "forge_forbidden"


class ForgeProtected(ForgeError, Conflict):
    """A rule of the repository is in the way: a protected branch, a missing approval, a required check."""

    code = "forge_protected"


class ForgeNotFound(ForgeError, NotFound):
    code = "forge_not_found"


class ForgeRejected(ForgeError, Conflict):
    """The forge calls the request itself wrong."""

    code = "forge_rejected"


class ForgeExists(ForgeError, Conflict):
    """It is there already, though the list did not show it yet: looking again helps."""

    code = "forge_exists"
    transient = True


class ForgeRateLimited(ForgeError, Unavailable):
    code = "forge_rate_limited"
    transient = True


class ForgeUnavailable(ForgeError, Unavailable):
    """No answer, or a 5xx. Whether it has done what it was asked is not known."""

    code = "forge_unavailable"
    transient = True


class ForgeGarbage(ForgeError, Unavailable):
    """An answer that is none: another program, a proxy's page, an API that has changed."""

    code = "forge_garbage"


_CLASSES: dict[int, type[ForgeError]] = {
    401: ForgeAuth,
    403: ForgeForbidden,
    404: ForgeNotFound,
    408: ForgeUnavailable,
    410: ForgeNotFound,
    425: ForgeUnavailable,
    429: ForgeRateLimited,
}
_HINTS: dict[type[ForgeError], str] = {
    ForgeAuth: "the token is wrong, expired or revoked",
    ForgeForbidden: "the token may not do this: it needs write access to code, pull requests and issues",
    ForgeNotFound: "a token that may not see it gets the same answer; forge.repository names another repository",
    ForgeRateLimited: "try again later; forge.patience says how long to wait for it",
    ForgeUnavailable: "try again: what is there already is found and goes on",
    ForgeGarbage: "is forge.url the forge's web address, and forge.kind right?",
}


def refused(who: str, doing: str, status: int, headers: Mapping[str, str], said: str) -> ForgeError:
    """The error for an answer with a status of 300 or more."""
    lower = {name.lower(): value for name, value in headers.items()}
    wait = _wait(lower)
    cls = _class_of(status, said, lower)
    if cls is ForgeRateLimited and wait is None:
        wait = _NO_HEADER_WAIT
    asks = f"; it asks to wait {wait:.0f} s" if wait is not None else ""
    reason = " ".join(said.split())[:500]
    message = f"{doing}: {who} answered {status}{': ' * bool(reason)}{reason}{asks}"
    return cls(message, _HINTS.get(cls, ""), status=status, retry_after=wait)


def answered(who: str, doing: str, call: Callable[[], T]) -> T:
    """The call's result. What goes wrong on the way, or is no answer to it, is a ForgeError."""
    from requests import HTTPError, RequestException, Timeout

    try:
        return call()
    except HTTPError as error:
        answer = error.response
        raise refused(who, doing, answer.status_code, answer.headers, _said(answer)) from None
    except Timeout:
        raise ForgeUnavailable(f"{doing}: {who} did not answer in time", _HINTS[ForgeUnavailable]) from None
    except ValueError as error:  # requests' own error for what is no JSON is both
        raise ForgeGarbage(f"{doing}: {who} gave no usable answer: {error}", _HINTS[ForgeGarbage]) from error
    except RequestException as error:
        raise ForgeUnavailable(
            f"{doing}: {who} can't be reached: {_cause(error)}", _HINTS[ForgeUnavailable]
        ) from None
    except (LookupError, TypeError, AttributeError, AssertionError, RuntimeError) as error:
        raise ForgeGarbage(
            f"{doing}: {who} gave an answer of another kind ({type(error).__name__}: {error})",
            _HINTS[ForgeGarbage],
        ) from error


def _said(answer: Response) -> str:
    """Its message; GitLab has lists and objects of them, by field."""
    try:
        found: Any = answer.json()
    except ValueError:
        return ""  # a page for people
    given = found.get("message") or found.get("error") if isinstance(found, dict) else None
    return "; ".join(_flat(given)) if given else ""


def _flat(given: Any) -> list[str]:
    if isinstance(given, dict):
        return [f"{key}: {', '.join(_flat(value))}" for key, value in given.items()]
    return [text for one in given for text in _flat(one)] if isinstance(given, list) else [str(given)]


def _class_of(status: int, said: str, headers: Mapping[str, str]) -> type[ForgeError]:
    limited = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    if status == 403 and (limited or _RATE_LIMIT.search(said)):
        return ForgeRateLimited
    if status in (409, 422) and _EXISTS.search(said):
        return ForgeExists
    if status >= 500:
        return ForgeUnavailable
    return _CLASSES.get(status, ForgeGarbage if status < 400 else ForgeRejected)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds, from Retry-After (RFC 9110, 10.2.3) or the time at which a used-up limit begins anew."""
    after = headers.get("retry-after", "").strip()
    if after.isdecimal():
        return float(after)
    if after:
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
        except ValueError:
            return None
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    used_up = "0" in (headers.get("x-ratelimit-remaining"), headers.get("ratelimit-remaining"))
    return max(0.0, float(reset) - time.time()) if used_up and reset.isdecimal() else None


def _cause(error: BaseException) -> str:
    """What the socket said, below all that libraries have wrapped around it."""
    inner = getattr(error, "reason", None) or (error.args[0] if error.args else error)
    reason = getattr(inner, "reason", inner)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__).rpartition(": ")[2]
