"""Who and what caused the work at hand: for the audit log, set by the face that took the request."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

ENVIRONMENT = "REFACTORY_REQUEST_ID"

_PROPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_ACTOR: ContextVar[str | None] = ContextVar("actor", default=None)
_REQUEST: ContextVar[str | None] = ContextVar("request", default=None)


def actor() -> str:
    return _ACTOR.get() or os.environ.get("REFACTORY_ACTOR") or _user()


@cache
def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid-{os.getuid()}"


def request_id() -> str:
    """The HTTP request's, else this process's: what the environment says, or one of its own."""
    return _REQUEST.get() or proper(os.environ.get(ENVIRONMENT)) or _own()


@cache
def _own() -> str:
    return new_request_id()


def new_request_id() -> str:
    return os.urandom(8).hex()


def proper(text: str | None) -> str | None:
    """A request id that may come from anywhere, if it is one."""
    return text if text and _PROPER.fullmatch(text) else None


@contextmanager
def caused_by(name: str | None, request: str) -> Iterator[None]:
    """What is done in this context (also in threads that copy it) is `name`'s; None: this process's user's."""
    tokens = _ACTOR.set(name), _REQUEST.set(request)
    try:
        yield
    finally:
        _ACTOR.reset(tokens[0])
        _REQUEST.reset(tokens[1])
