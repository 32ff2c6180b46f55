"""A request's path, query string and body as an operation's params."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from commands._cli import convert
from commands._http.problems import Refused
from state.errors import UsageError
from state.mismatch import expected
from state.yaml_codec import short

_HINT = "/openapi.json describes what is expected"


async def read_body(request: web.Request, seconds: float) -> bytes:
    """The whole JSON body. A sender that stalls is given up: it may hold a connection, not for ever."""
    if not request.can_read_body and "Content-Type" not in request.headers:
        return b"{}"
    if request.content_type != "application/json" or "Content-Encoding" in request.headers:
        raise Refused(415, "not_json", "the body must be application/json, not compressed")
    if (request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    try:
        async with asyncio.timeout(seconds):
            return await request.read() or b"{}"
    except TimeoutError:
        raise Refused(
            408, "timeout", f"the body did not arrive within {seconds:g} s", headers={"Connection": "close"}
        ) from None


def from_query(cls: type[Any], path: Mapping[str, str], query: Iterable[tuple[str, str]]) -> Any:
    fields = {field.encode_name: field for field in msgspec.structs.fields(cls)}
    given: dict[str, list[str]] = {}
    for name, text in [*path.items(), *query]:
        if name not in fields:
            raise UsageError(f"{name}: no such parameter", _HINT)
        given.setdefault(name, []).append(text)
    return _params(cls, {name: _from_texts(name, texts, fields[name].type) for name, texts in given.items()})


def from_body(cls: type[Any], path: Mapping[str, str], body: bytes) -> Any:
    value = _parse(body)
    if not isinstance(value, dict):
        raise UsageError("the body must be a JSON object", _HINT)
    for name in path:
        if name in value:
            raise UsageError(f"{name}: is given by the path", _HINT)
    return _params(cls, {**value, **path})


def _params(cls: type[Any], values: dict[str, Any]) -> Any:
    try:
        return convert(cls, values)
    except UsageError as error:
        raise UsageError(error.message, _HINT) from None


def _from_texts(name: str, texts: list[str], kind: Any) -> Any:
    """A text stays one where a text is allowed: `?agent=null` is an agent of that name."""
    if _accepts(texts, kind):
        return texts
    if len(texts) > 1:
        raise UsageError(f"{name}: given {len(texts)} times", _HINT)
    if _accepts(texts[0], kind):
        return texts[0]
    try:
        value = msgspec.convert(texts[0], kind, strict=False)
    except msgspec.ValidationError:
        raise UsageError(f"{name}: expected {expected(kind)}, found {short(texts[0])}", _HINT) from None
    return texts[0] if value is None else value


def _accepts(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _parse(body: bytes) -> Any:
    """msgspec refuses NaN, lone surrogates, bad UTF-8 and deep nesting; json's hook sees duplicate keys."""
    try:
        value = msgspec.json.decode(body)
        json.loads(body, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(400, "malformed", f"the body is not proper JSON: {reason}") from None
    return value


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(f"the key {name!r} is given twice")
        seen.add(name)
