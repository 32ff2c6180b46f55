"""The records of one repository: readers take no lock, writers change several records in one transaction."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from state.errors import Busy, Conflict, InvalidFile, NotFound, RefactoryError, UsageError
from state.keys import is_key, is_reference, number_of, suffix_of
from state.location import Location, initialised, locate
from state.record_files import decode
from state.records import Record

if TYPE_CHECKING:
    from state.config import Config
    from state.transaction import Transaction

R = TypeVar("R", bound=Record)
Stamp = tuple[int, int, int]


class Store:
    """Reads are cached by the file's stat, so a long-lived agent may ask as often as it likes."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._records = str(location.records)
        self._cache: dict[str, tuple[Stamp, Record]] = {}
        self._config: tuple[Stamp | None, Config] | None = None

    @classmethod
    def open(cls, start: Path) -> Store:
        store = cls(initialised(locate(start)))
        return store._finished() if store.journal.exists() else store

    def _finished(self) -> Store:
        """With the change that a killed command began, though nothing can be written here."""
        from state.files import Unwritable

        try:
            with self.lock("recovery", seconds=0):
                return self
        except (Unwritable, Busy) as error:
            from state.unfinished import Unfinished

            return Unfinished(self.location, error)

    @property
    def journal(self) -> Path:
        return self.location.private / "journal"

    @property
    def config(self) -> Config:
        """`.refactory/config.yaml`, read again when it changed."""
        from state.config import read

        path = self.location.records / "config.yaml"
        stamp = _stamp(path)
        if self._config is None or self._config[0] != stamp:
            self._config = (stamp, read(path))
        return self._config[1]

    def find(self, cls: type[R], key: str) -> R | None:
        """The record with this whole key, or None."""
        path = f"{self._records}/{cls.folder}/{key}.yaml"
        stamp = _stamp(path)
        if stamp is None:
            self._cache.pop(path, None)
            return None
        cached = self._cache.get(path)
        if cached is None or cached[0] != stamp:
            file = self.path(cls, key)
            cached = (stamp, decode(cls, _read(file), self._name(file), key))
            self._cache[path] = cached
        record = cached[1]
        assert isinstance(record, cls)
        return record

    def get(self, cls: type[R], reference: str | int) -> R:
        """By number or whole key. Raises NotFound, or Conflict where two records share the number."""
        key = self.resolve(cls, str(reference))
        record = self.find(cls, key)
        if record is None:
            raise NotFound(
                f"no {_kind(cls)} {reference}", f"`refactory {_list_command(cls)}` shows what there is"
            )
        return record

    def resolve(self, cls: type[Record], reference: str) -> str:
        if not is_reference(reference):
            raise UsageError(
                f"{reference!r} is no {_kind(cls)} id", "give a number such as 7, or a key: 7-k3f9q2mx"
            )
        if is_key(reference):
            return self._renumbered(cls, reference) or reference
        found = [key for key in self.keys(cls) if key.startswith(f"{reference}-")]
        if len(found) > 1:
            raise Conflict(
                f"{_kind(cls)} {reference} names {len(found)} records: {', '.join(found)}",
                "give the whole key",
            )
        return found[0] if found else reference

    def _renumbered(self, cls: type[Record], key: str) -> str | None:
        """The key that a record has now: its suffix stays."""
        if _stamp(f"{self._records}/{cls.folder}/{key}.yaml") is not None:
            return None
        return next((other for other in self.keys(cls) if suffix_of(other) == suffix_of(key)), None)

    def keys(self, cls: type[Record]) -> list[str]:
        """All keys, by number; what is no record (a stray file) is not listed."""
        try:
            names = os.listdir(self.location.records / cls.folder)
        except FileNotFoundError:
            return []
        keys = [name[:-5] for name in names if name.endswith(".yaml") and is_key(name[:-5])]
        return sorted(keys, key=lambda key: (number_of(key), key))

    def all(self, cls: type[R], where: Callable[[R], bool] = lambda _: True) -> list[R]:
        records = (self.find(cls, key) for key in self.keys(cls))
        return [record for record in records if record is not None and where(record)]

    def path(self, cls: type[Record], key: str) -> Path:
        return self.location.records / cls.folder / f"{key}.yaml"

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
        from state.transaction import Transaction

        with self.lock(command):
            changes = Transaction(self, command)
            try:
                yield changes
                changes.commit()
            except OSError as error:
                where = error.filename or self.location.records
                raise RefactoryError(f"{where}: {error.strerror}", UNCHANGED) from None

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.location.root))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidFile(f"{path}: can't read: {error.strerror}") from None


def _stamp(path: Path | str) -> Stamp | None:
    try:
        info = os.stat(path)  # noqa: PTH116 - asked for every record: to make a Path takes ten times as long
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(info.st_mode):
        raise InvalidFile(f"{path}: is no regular file")
    return (info.st_mtime_ns, info.st_ino, info.st_size)


def _kind(cls: type[Record]) -> str:
    return cls.__name__.lower()


def _list_command(cls: type[Record]) -> str:
    return "tasks:list" if _kind(cls) == "task" else "status"
