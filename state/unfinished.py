"""A store whose last change can't be finished here: the disk is read-only or full, or another process is at it.

It is read as it will be when the change is finished, so that nobody sees half of it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from state.errors import RefactoryError
from state.journal import pending
from state.keys import by_number, is_key
from state.location import Location
from state.record_files import decode
from state.records import Record
from state.store import Store

R = TypeVar("R", bound=Record)


class Unfinished(Store):
    """Slower than a store: it uses no index. Its transactions finish the change first, or fail as that does."""

    def __init__(self, location: Location, reason: RefactoryError) -> None:
        super().__init__(location)
        self._pending = pending(self.journal)
        print(
            f"refactory: a command was interrupted, and its change can't be finished now ({reason.message}); "
            "records are shown as they will be",
            file=sys.stderr,
        )

    def path(self, cls: type[Record], key: str) -> Path:
        path = super().path(cls, key)
        staged = Path(self._pending.get(str(path)) or path)
        return staged if staged.exists() else path  # it was finished meanwhile

    def find(self, cls: type[R], key: str) -> R | None:
        path = self.path(cls, key)
        if self._removed(cls, key):
            return None
        try:
            return decode(cls, path.read_bytes(), str(path), key)
        except FileNotFoundError:
            return None

    def keys(self, cls: type[Record]) -> list[str]:
        folder = super().path(cls, "").parent
        new = {Path(path).stem for path in self._pending if Path(path).parent == folder}
        found = {*super().keys(cls), *filter(is_key, new)}
        return sorted((key for key in found if not self._removed(cls, key)), key=by_number)

    def _removed(self, cls: type[Record], key: str) -> bool:
        path = str(super().path(cls, key))
        return path in self._pending and self._pending[path] is None

    def all(self, cls: type[R], where: Callable[[R], bool] = lambda _: True) -> list[R]:
        found = (self.find(cls, key) for key in self.keys(cls))
        return [record for record in found if record is not None and where(record)]

    def select(
        self, cls: type[R], limit: int | None = None, offset: int = 0, **equals: str | None
    ) -> tuple[list[R], int]:
        wanted = {field: value for field, value in equals.items() if value is not None}
        found = self.all(cls, lambda record: all(getattr(record, f) == value for f, value in wanted.items()))
        return found[offset:][:limit], len(found)

    def page(
        self, cls: type[R], limit: int | None = None, offset: int = 0, **equals: str | None
    ) -> tuple[list[R], int, list[int]]:
        records, total = self.select(cls, limit, offset, **equals)
        return records, total, self.shared(records)

    def count(self, cls: type[Record], field: str) -> dict[str, int]:
        return dict(sorted(Counter(getattr(record, field) for record in self.all(cls)).items()))

    def resolve(self, cls: type[Record], reference: str, under_lock: bool = False) -> str:
        keys = self.keys(cls)
        found = [key for key in keys if key == reference or key.startswith(f"{reference}-")]
        return found[0] if len(found) == 1 else super().resolve(cls, reference)
