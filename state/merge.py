"""Three versions of one record made into one, field by field: what `git merge` can't do by lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import msgspec

from state.keys import is_key, number_of, suffix_of
from state.record_files import default, encode, fields, header, parse
from state.records import Assignment, Plan, Record, Request, Task

R = TypeVar("R", bound=Record)

# Both texts, with what the two sides changed apart merged into each: the same text where nothing is in conflict.
TextMerge = Callable[[str, str, str], tuple[str, str]]

# Of two states the later one wins. What is merged or done is a fact; what a person gave up stays so before that.
ORDER: dict[type[Record], tuple[str, ...]] = {
    Request: ("open", "planned", "in_progress", "failed", "cancelled", "done"),
    Plan: ("draft", "approved", "orchestrated", "failed", "cancelled", "done"),
    Task: (
        "pending", "blocked", "assigned", "in_progress", "testing", "failed", "completed", "cancelled", "merged",
    ),
}  # fmt: skip
# A state comes with what it rests on, so that no task is merged without a commit.
_WITH_STATE = (
    "agent",
    "base",
    "branch",
    "built_on",
    "commit",
    "feedback",
    "orchestration",
    "pr_url",
    "reason",
)
_GROWING = ("version", "attempts")

_FIELD = re.compile(rb"^(\w+):", re.MULTILINE)


class Merged(NamedTuple):
    data: bytes
    conflicts: tuple[str, ...]


class _Sides(NamedTuple):
    base: Any
    ours: Any
    theirs: Any


def merge(cls: type[R], base: bytes, ours: bytes, theirs: bytes, texts: TextMerge) -> Merged:
    """An empty `base`: both sides made the file. Raises InvalidFile if a side is no such record."""
    left, right = parse(cls, ours, "ours"), parse(cls, theirs, "theirs")
    origin = parse(cls, base, "base") if base.strip() else None
    if _both_moved(origin, left, right):
        left, right = _with_later_state(left, right)
    for field in fields(cls):
        sides = _Sides(
            getattr(origin, field.name) if origin else default(field),
            getattr(left, field.name),
            getattr(right, field.name),
        )
        mine, other = _merged(field.name, sides, texts)
        left = msgspec.structs.replace(left, **{field.name: mine})
        right = msgspec.structs.replace(right, **{field.name: other})
    return _shown(left, right)


def _both_moved(origin: Record | None, left: Record, right: Record) -> bool:
    states = [getattr(record, "state", None) for record in (origin, left, right)]
    return len(set(states)) == 3


def _with_later_state(left: R, right: R) -> tuple[R, R]:
    order = ORDER[type(left)]
    later = max(left, right, key=lambda record: order.index(getattr(record, "state")))  # noqa: B009
    names = [field.name for field in fields(type(left)) if field.name in ("state", *_WITH_STATE)]
    facts = {name: getattr(later, name) for name in names}
    return msgspec.structs.replace(left, **facts), msgspec.structs.replace(right, **facts)


def _merged(name: str, sides: _Sides, texts: TextMerge) -> tuple[Any, Any]:
    """The value for each side: one and the same, unless they are in conflict."""
    base, ours, theirs = sides
    if theirs in (ours, base):
        return ours, ours
    if ours == base:
        return theirs, theirs
    if name in _GROWING:
        return (max(ours, theirs),) * 2
    if isinstance(ours, list):
        return _lists(sides if isinstance(base, list) else _Sides([], ours, theirs))
    if isinstance(ours, str) and isinstance(theirs, str):
        return _strings(base if isinstance(base, str) else "", ours, theirs, texts)
    return ours, theirs


def _strings(base: str, ours: str, theirs: str, texts: TextMerge) -> tuple[str, str]:
    if is_key(ours) and is_key(theirs) and suffix_of(ours) == suffix_of(theirs):
        return (min(ours, theirs, key=number_of),) * 2  # one record, renumbered on two branches
    if "\n" in base + ours + theirs:
        return texts(base, ours, theirs)
    return ours, theirs


def _lists(sides: _Sides) -> tuple[list[Any], list[Any]]:
    """As sets: what one side removed goes, what either added comes; whoever changed the order has his way."""
    kept = [[item for item in side if all(item in other for other in sides)] for side in sides]
    orders = [order for order in kept[1:] if order != kept[0]] or kept[:1]
    union = orders[0] + _added(*sides)
    assigned = [item.task for item in union if isinstance(item, Assignment)]
    if any(order != orders[0] for order in orders) or len(set(assigned)) < len(assigned):
        return sides.ours, sides.theirs
    return union, union


def _added(base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any]:
    """Any order will do that does not depend on which side is ours."""
    first, second = sorted(
        [[item for item in side if item not in base] for side in (ours, theirs)], key=_rank
    )
    return first + [item for item in second if item not in first]


def _rank(items: list[Any]) -> list[tuple[int, bytes]]:
    keys = [item if isinstance(item, str) and is_key(item) else "" for item in items]
    return [(number_of(key or "0"), msgspec.json.encode(item)) for key, item in zip(keys, items, strict=True)]


def _shown(left: Record, right: Record) -> Merged:
    ours, theirs = _lines(left), _lines(right)
    names = [field.encode_name for field in fields(type(left))]
    conflicts = tuple(name for name in names if ours.get(name) != theirs.get(name))
    parts = (
        (b"<<<<<<< ours\n", ours.get(name, b""), b"=======\n", theirs.get(name, b""), b">>>>>>> theirs\n")
        if name in conflicts
        else (ours.get(name, b""),)
        for name in names
    )
    return Merged(header(type(left)) + b"".join(chain.from_iterable(parts)), conflicts)


def _lines(record: Record) -> dict[str, bytes]:
    """The lines of each field: what begins at the margin is a key, all else belongs to the one before."""
    _, *parts = _FIELD.split(encode(record).removeprefix(header(type(record))))
    names, values = parts[::2], parts[1::2]
    return {name.decode(): name + b":" + value for name, value in zip(names, values, strict=True)}
