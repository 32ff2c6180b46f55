"""The records of one repository: readers take no lock, writers change several records in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from state.errors import Busy, RefactoryError
from state.journal_mark import is_open
from state.location import initialised, locate
from state.reader import Reader

if TYPE_CHECKING:
    from state.transaction import Transaction


class Store(Reader):
    @classmethod
    def open(cls, start: Path) -> Store:
        store = cls(initialised(locate(start)))
        return store._finished() if is_open(store.journal) else store

    def _finished(self) -> Store:
        """With the change that a killed command began, though nothing can be written here."""
        from state.files import Unwritable

        try:
            with self.lock("recovery", seconds=0):
                return self
        except (Unwritable, Busy) as error:
            from state.unfinished import Unfinished

            return Unfinished(self.location, error)

    @contextmanager
    def lock(self, what: str, seconds: float = 60.0) -> Iterator[None]:
        """Hold the store's lock, with the last transaction finished if its process was killed."""
        from state.journal import recover
        from state.lock import locked

        with locked(self.location.private / "lock", what, seconds):
            recover(self.journal)
            yield

    @contextmanager
    def transaction(self, command: str) -> Iterator[Transaction]:
        """Read, change and write under the lock: all records that were put are written, or none."""
        from state.files import UNCHANGED
        from state.precondition import check
        from state.transaction import Transaction

        with self.lock(command):
            check(self)
            changes = Transaction(self, command)
            try:
                yield changes
                changes.commit()
            except OSError as error:
                where = error.filename or self.location.records
                raise RefactoryError(f"{where}: {error.strerror}", UNCHANGED) from None
