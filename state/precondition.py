"""A change may be asked for on condition: that a record still is as its asker has seen it (HTTP's If-Match)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from state.errors import Stale

if TYPE_CHECKING:
    from state.reader import Reader
    from state.records import Record


@dataclass
class _Condition:
    """`tags` are None for a record that only has to be there. `met`: from here on the change is our own."""

    cls: type[Record]
    key: str
    tags: Collection[str] | None
    met: bool = False


_CONDITION: ContextVar[_Condition | None] = ContextVar("condition", default=None)


def tag(record: Record) -> str:
    """Another one for each content."""
    from hashlib import sha256

    import msgspec

    return sha256(msgspec.json.encode(record)).hexdigest()[:32]


@contextmanager
def only_if(store: Reader, cls: type[Record], reference: str, tags: Collection[str] | None) -> Iterator[None]:
    """What is done here is refused, with Stale, at once or by its first transaction."""
    condition = _Condition(cls, store.get(cls, reference).key, tags)
    _refuse_changed(store, condition)
    token = _CONDITION.set(condition)
    try:
        yield
    finally:
        _CONDITION.reset(token)


def check(store: Reader) -> None:
    """Under the lock, before the first change."""
    condition = _CONDITION.get()
    if condition is not None and not condition.met:
        _refuse_changed(store, condition)
        condition.met = True


def _refuse_changed(store: Reader, condition: _Condition) -> None:
    record = store.find(condition.cls, condition.key)
    if record is None or (condition.tags is not None and tag(record) not in condition.tags):
        name = condition.cls.__name__.lower()
        raise Stale(f"{name} {condition.key} is not as it was", "get it again, and decide anew")
