"""What one transaction reads and puts; written at its end as one journalled change with its audit lines."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from state.audit import Change, lines
from state.clock import now
from state.errors import NotFound, RefactoryError
from state.files import unwritable
from state.journal import Changes, commit
from state.keys import new_key, number_of
from state.record_files import encode
from state.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from state.reader import Reader

R = TypeVar("R", bound=Record)


class Transaction:
    def __init__(self, store: Reader, command: str) -> None:
        self._store = store
        self._command = command
        self._put: dict[tuple[type[Record], str], Record] = {}
        self._removed: set[tuple[type[Record], str]] = set()
        self._audit: list[Change] = []
        self._private: dict[str, str] = {}
        self._after: list[Callable[[], object]] = []
        self._numbers: dict[type[Record], int] = {}
        self._pid = os.getpid()

    @property
    def private(self) -> Path:
        return self._store.location.private

    def get(self, cls: type[R], reference: str | int) -> R:
        record = self._put.get((cls, str(reference)))
        if record is None:
            key = self._store.resolve(cls, str(reference), under_lock=True)
            record = self._put.get((cls, key)) or self._store.find(cls, key)
        if record is None:
            raise NotFound(f"no {cls.__name__.lower()} {reference}")
        assert isinstance(record, cls)
        return record

    def all(self, cls: type[R], where: Callable[[R], bool] = lambda _: True) -> list[R]:
        """The stored records with what this transaction put over them."""
        records: dict[str, R] = {record.key: record for record in self._store.all(cls)}
        for (kind, key), record in self._put.items():
            if kind is cls and isinstance(record, cls):
                records[key] = record
        return [record for record in records.values() if where(record)]

    def new(self, cls: type[R], **fields: Any) -> R:
        """A record with the next free number."""
        return self.put(cls(key=new_key(self._next_number(cls)), created=now(), **fields))

    def put(self, record: R, note: str = "") -> R:
        before = self._before(record)
        if before != record:
            self._put[(type(record), record.key)] = record
            self._audit.append(Change(f"{record.folder}/{record.key}", _state(before), _state(record), note))
        return record

    def rename(self, record: R, key: str) -> R:
        """Put the record, with what else is changed in it, under another key; its old file goes."""
        self._removed.add((type(record), record.key))
        self._put.pop((type(record), record.key), None)
        renamed = replace(record, key=key)
        self._put[(type(record), key)] = renamed
        self.note(renamed, f"renumbered, was {record.key}")
        return renamed

    def note(self, record: Record, text: str) -> None:
        """An audit line for something refused or seen that changes no record."""
        self._audit.append(Change(f"{record.folder}/{record.key}", _state(record), _state(record), text))

    def say(self, subject: str, text: str) -> None:
        """An audit line about what is no record."""
        self._audit.append(Change(subject, None, None, text))

    def keep(self, name: str, text: str) -> None:
        """A file in the private folder, written if and only if the records are."""
        self._private[name] = text

    def after(self, action: Callable[[], object]) -> None:
        """Do this under the lock, once the records are written; never if they are not."""
        self._after.append(action)

    def commit(self) -> None:
        if self._pid != os.getpid():
            raise RefactoryError("a forked process can't commit its parent's transaction: it has no lock")
        if self._audit or self._private:
            self._write()
        try:
            for action in self._after:
                action()
        except OSError as error:
            raise unwritable(
                error, self.private, "the change is recorded all the same: don't repeat it"
            ) from None

    def _write(self) -> None:
        location = self._store.location
        writes: dict[str, str | None] = {
            f"{record.folder}/{record.key}.yaml": encode(record).decode() for record in self._put.values()
        }
        writes |= {f"{kind.folder}/{key}.yaml": None for kind, key in self._removed}
        changes = Changes(writes, {}, self._private)
        if self._audit:
            added = lines(location, self._command, self._audit)
            changes.appends[f"audit/{added.log}"] = added.append
            changes.notes[added.memory] = added.remembered
        for cls in {kind for kind, _ in self._put}:
            changes.notes.update(
                self._store.numbers(cls).given(key for kind, key in self._put if kind is cls)
            )
        with self._numbers_kept():
            commit(self._store.journal, location.records, changes, self._command, durable=self._store.durable)

    @contextmanager
    def _numbers_kept(self) -> Iterator[None]:
        with ExitStack() as stack:
            for cls in {kind for kind, _ in self._put}:
                keys = [key for kind, key in self._put if kind is cls]
                removed = any(kind is cls for kind, _ in self._removed)
                stack.enter_context(self._store.numbers(cls).changing(keys, removed))
            yield

    def _before(self, record: Record) -> Record | None:
        staged = self._put.get((type(record), record.key))
        return staged or self._store.find(type(record), record.key)

    def _next_number(self, cls: type[Record]) -> int:
        staged = (number_of(key) for kind, key in self._put if kind is cls)
        return max(self._highest(cls), *staged, 0) + 1

    def _highest(self, cls: type[Record]) -> int:
        if cls not in self._numbers:
            self._numbers[cls] = self._store.numbers(cls).highest()
        return self._numbers[cls]


def _state(record: Record | None) -> str | None:
    return None if record is None else getattr(record, "state", "recorded")
