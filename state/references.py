"""Which fields of a record hold the keys of others. The only place that knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar

import msgspec

from state.record_files import fields
from state.records import Orchestration, Plan, Pull, Record, Request, Review, Task

S = TypeVar("S", bound=msgspec.Struct)

_ONE = (str, str | None)

# By the field's name, in records and in the structures inside them.
_TARGETS: dict[str, type[Record]] = {
    "request": Request,
    "plan": Plan,
    "task": Task,
    "orchestration": Orchestration,
    "review": Review,
    "tasks": Task,
    "depends_on": Task,
    "after": Task,
    "built_on": Task,
    "pulls": Pull,
}


@cache
def reference_fields(cls: type[Record]) -> tuple[str, ...]:
    """Those that hold one key each."""
    return tuple(field.name for field in fields(cls) if field.name in _TARGETS and field.type in _ONE)


def references(struct: msgspec.Struct) -> Iterator[tuple[type[Record], str]]:
    """All that a record refers to, each with its kind."""
    found: list[tuple[type[Record], str]] = []

    def note(kind: type[Record], key: str) -> str:
        found.append((kind, key))
        return key

    redirected(struct, note)
    yield from found


def redirected(struct: S, to: Callable[[type[Record], str], str]) -> S:
    """The same with each reference replaced by what `to` says."""
    changes = {}
    for name, target in _interesting(type(struct)):
        value = getattr(struct, name)
        new = _inside(value, to) if target is None else _of(target, value, to)
        if new != value:
            changes[name] = new
    return msgspec.structs.replace(struct, **changes) if changes else struct


def _of(target: type[Record], value: Any, to: Callable[[type[Record], str], str]) -> Any:
    if isinstance(value, list):
        return [to(target, key) for key in value]
    return None if value is None else to(target, value)


def _inside(value: Any, to: Callable[[type[Record], str], str]) -> Any:
    if isinstance(value, msgspec.Struct):
        return redirected(value, to)
    if isinstance(value, list):
        return [_inside(item, to) for item in value]
    return value


@cache
def _interesting(cls: type[msgspec.Struct]) -> tuple[tuple[str, type[Record] | None], ...]:
    """References by their target; None for a field that may hold structures."""
    texts = {field.name for field in fields(cls) if _is_text(field.type)}
    return tuple(
        (field.name, _TARGETS.get(field.name))
        for field in fields(cls)
        if field.name not in texts or field.name in _TARGETS
    )


def _is_text(kind: Any) -> bool:
    return kind in (*_ONE, int, float, list[str], int | None, float | None)
