"""Every error of the API as problem+json (RFC 9457); the one place where errors become statuses."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web

from state.errors import (
    BudgetReached,
    Busy,
    Conflict,
    Forbidden,
    InvalidFile,
    NotFound,
    Partial,
    RefactoryError,
    Stale,
    Unavailable,
    UsageError,
    WorkFailed,
)
from state.files import Unwritable

LOG = logging.getLogger("refactory.server")
TYPE = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS: dict[type[RefactoryError], int] = {
    InvalidFile: 409,  # a record is broken: nothing that another body could mend
    UsageError: 422,
    NotFound: 404,
    Stale: 412,
    Conflict: 409,
    Forbidden: 403,
    Busy: 503,
    BudgetReached: 409,
    Partial: 409,
    WorkFailed: 409,
    Unavailable: 502,
}
_CODES = {404: "unknown_path", 405: "method_not_allowed", 413: "too_large"}


class Refused(Exception):
    """A request that is turned down for what it is as HTTP."""

    def __init__(
        self, status: int, code: str, detail: str, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.hint = status, code, detail, hint
        self.headers = dict(headers or {})


def problem(
    status: int,
    code: str,
    detail: str,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
    exit_code: int | None = None,
) -> web.Response:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint or None,
        "exitCode": exit_code,
    }
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type=TYPE, headers=dict(headers or {})
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as error:
        return problem(error.status, error.code, error.detail, error.hint, error.headers)
    except RefactoryError as error:
        return of_error(error)
    except web.HTTPException as error:
        return of_http(error, request.method)
    except Exception:
        LOG.exception("%s %s failed", request.method, request.path)
        return problem(500, "unexpected", "unexpected error", "the server's log says more")


def of_error(error: RefactoryError) -> web.Response:
    status = _status(error)
    if status == 500:
        LOG.error("%s", error.message)
    headers = {"Retry-After": "1"} if status == 503 else None
    return problem(status, error.code, error.message, error.hint, headers, error.exit_code)


def _status(error: RefactoryError) -> int:
    if type(error) in (RefactoryError, Unwritable):
        return 500  # a full disk, a folder that can't be written
    return next((_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS), 409)


def of_http(error: web.HTTPException, method: str) -> web.Response:
    """What aiohttp itself refuses: unknown paths, wrong verbs, large bodies."""
    allow = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    if error.status == 405 and method == "OPTIONS":
        return web.Response(status=204, headers=allow)
    hint = "/openapi.json lists what there is" if error.status in (404, 405) else ""
    code = _CODES.get(error.status, "http")
    return problem(error.status, code, _detail(error), hint, allow)


def _detail(error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return "the body is too large"
    return error.reason
