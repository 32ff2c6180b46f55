"""ETag and If-Match (RFC 9110): a change of a record that somebody else has changed meanwhile is refused, with 412."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from aiohttp import web

from commands._operation import Operation
from state.errors import Stale
from state.precondition import only_if, tag
from state.records import Orchestration, Plan, Record, Request, Task
from state.store import Store

HEADER = "If-Match"
_SUBJECTS: dict[str, type[Record]] = {cls.folder: cls for cls in (Request, Plan, Task, Orchestration)}
_TAG = r'(W/)?"([!#-~\x80-\xff]*)"'
_LIST = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")


def subject(operation: Operation[Any, Any]) -> type[Record] | None:
    """The kind of record that the path is about, if it is about one."""
    parts = operation.path.split("/")
    return _SUBJECTS.get(parts[1]) if parts[2:3] == ["{id}"] else None


def is_its_own(operation: Operation[Any, Any]) -> bool:
    """Whether the path is the record's, not one below it."""
    return subject(operation) is not None and operation.path.endswith("/{id}")


def etag(record: Record) -> dict[str, str]:
    return {"ETag": f'"{tag(record)}"'}


def condition(request: web.Request, store: Store, cls: type[Record] | None) -> AbstractContextManager[None]:
    if HEADER not in request.headers:
        return nullcontext()
    tags = _tags(",".join(request.headers.getall(HEADER)))
    if cls is None:
        raise Stale(f"{HEADER}: this path is about no record that is there already")
    return only_if(store, cls, request.match_info["id"], tags)


def _tags(given: str) -> Collection[str] | None:
    """None for `*`. A weak one never matches, nor does what is no ETag."""
    if given.strip() == "*":
        return None
    if not _LIST.fullmatch(given):
        raise Stale(f'{HEADER}: expected ETags, such as "0123abcd", or *')
    return {found for weak, found in re.findall(_TAG, given) if not weak}
