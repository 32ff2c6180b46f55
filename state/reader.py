"""The records of one repository, read without a lock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from state.errors import Conflict, InvalidFile, NotFound, RefactoryError, UsageError
from state.keys import by_number, is_key, is_reference, number_of, suffix_of
from state.location import Location
from state.records import Plan, Record, Request, Task
from state.stamps import Stamp, scan, stamp

if TYPE_CHECKING:
    from state.config import Config
    from state.index import Question
    from state.numbers import Numbers

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_LISTS = {Request: "request:list", Plan: "plan:list", Task: "tasks:list"}
_USUAL = 8192  # bytes that hold nearly any record
_SHOWN = 60  # characters of a title in a message
_FEW = 200  # so many files are read faster than SQLite is imported


class Reader:
    """Reads are cached by the file's stat, so a long-lived agent may ask as often as it likes."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._records = str(location.records)
        self._cache = defaultdict[type[Record], dict[str, tuple[Stamp, Record]]](dict)
        self._order: dict[type[Record], tuple[list[str], list[str]]] = {}
        self._numbers: dict[type[Record], Numbers] = {}
        self._loaded: set[type[Record]] = set()
        self._read_of_config: dict[Callable[[Path], object], tuple[Stamp | None, object]] = {}

    @property
    def journal(self) -> Path:
        return self.location.private / "journal"

    @property
    def config(self) -> Config:
        """`.refactory/config.yaml`, read again when it changed."""
        from state.config import read

        return self._configured(read)

    @property
    def durable(self) -> bool:
        """Whether a transaction waits for the disk, by `durability` in the configuration as it is now."""
        from state.durability import is_full

        return self._configured(is_full)

    def _configured(self, read: Callable[[Path], T]) -> T:
        """What `read` makes of the configuration; asked again when that changed."""
        path = self.location.records / "config.yaml"
        found = stamp(str(path))
        known = self._read_of_config.get(read)
        if known is None or known[0] != found:
            known = self._read_of_config[read] = (found, read(path))
        return cast("T", known[1])

    def find(self, cls: type[R], key: str) -> R | None:
        """The record with this whole key, or None."""
        found = stamp(f"{self._records}/{cls.folder}/{key}.yaml")
        return None if found is None else self._cached(cls, key, found)

    def _cached(self, cls: type[R], key: str, found: Stamp) -> R | None:
        """The record whose file has this stamp."""
        cached = self._cache[cls].get(key)
        if cached is None or cached[0] != found:
            return self._read_again(cls, key, found)
        assert isinstance(cached[1], cls)
        return cached[1]

    def _read_again(self, cls: type[R], key: str, found: Stamp) -> R | None:
        record = self._read(cls, key)
        if record is None:
            self._cache[cls].pop(key, None)
        else:
            self._cache[cls][key] = (found, record)
        return record

    def _read(self, cls: type[R], key: str) -> R | None:
        from state.record_files import decode

        name = f"{cls.folder}/{key}.yaml"  # no Path: to make one takes as long as to read the file
        data = _read(f"{self._records}/{name}")
        return None if data is None else decode(cls, data, f".refactory/{name}", key)

    def get(self, cls: type[R], reference: str | int) -> R:
        """By number or whole key. Raises NotFound, or Conflict where two records share the number."""
        key = self.resolve(cls, str(reference))
        record = self.find(cls, key)
        if record is None:
            raise NotFound(
                f"no {_kind(cls)} {reference}", f"`refactory {_LISTS.get(cls, 'status')}` shows what there is"
            )
        return record

    def resolve(self, cls: type[Record], reference: str, under_lock: bool = False) -> str:
        if not is_reference(reference):
            raise UsageError(
                f"{reference!r} is no {_kind(cls)} id", "give a number such as 7, or a key: 7-k3f9q2mx"
            )
        if is_key(reference):
            return self._renumbered(cls, reference) or reference
        found = self.numbers(cls).keys(reference, under_lock)
        if len(found) > 1:
            raise Conflict(
                f"{_kind(cls)} {reference} names {len(found)} records: "
                + ", ".join(f"{key}{self._title(cls, key)}" for key in found),
                "give the whole key; `refactory doctor --fix` gives each a number of its own",
            )
        return found[0] if found else reference

    def _title(self, cls: type[Record], key: str) -> str:
        """To tell it from another, if it can be read."""
        with suppress(RefactoryError):
            title = getattr(self.find(cls, key), "title", "")
            return f" ({title[:_SHOWN]}{'...' * (len(title) > _SHOWN)})" if title else ""
        return ""

    def shared(self, records: Sequence[Record]) -> list[int]:
        """The numbers of these that other records of their kind have, too: branches were merged."""
        return _shared(records, self._names(type(records[0]))) if records else []

    def _renumbered(self, cls: type[Record], key: str) -> str | None:
        """The key that a record has now: its suffix stays."""
        if stamp(f"{self._records}/{cls.folder}/{key}.yaml") is not None:
            return None
        return next((other for other in self.keys(cls) if suffix_of(other) == suffix_of(key)), None)

    def keys(self, cls: type[Record]) -> list[str]:
        """All keys, by number; what is no record (a stray file) is not listed."""
        return sorted(self._names(cls), key=by_number)

    def _names(self, cls: type[Record]) -> list[str]:
        from state.numbers import names

        return names(self.location.records / cls.folder)

    def numbers(self, cls: type[Record]) -> Numbers:
        from state.numbers import Numbers

        found = self._numbers.get(cls)
        if found is None:
            found = self._numbers[cls] = Numbers(self.location, cls.folder)
        return found

    def all(self, cls: type[R], where: Callable[[R], bool] = lambda _: True) -> list[R]:
        stamps = scan(f"{self._records}/{cls.folder}")
        if len(stamps) > _FEW and cls not in self._loaded:
            self._load(cls, stamps)
        return [record for record in self._each(cls, stamps) if where(record)]

    def select(
        self, cls: type[R], limit: int | None = None, offset: int = 0, **equals: str | None
    ) -> tuple[list[R], int]:
        """A part of those whose fields equal these values (None: any), and how many there are in all."""
        return self.page(cls, limit, offset, **equals)[:2]

    def page(
        self, cls: type[R], limit: int | None = None, offset: int = 0, **equals: str | None
    ) -> tuple[list[R], int, list[int]]:
        """The same, and the numbers in it that other records have, too."""
        stamps = scan(f"{self._records}/{cls.folder}")
        wanted = {field: value for field, value in equals.items() if value is not None}
        if len(stamps) > _FEW:
            from state import index

            return self._ask(cls, stamps, index.select(cls, wanted, -1 if limit is None else limit, offset))
        found = [record for record in self._each(cls, stamps) if _equals(record, wanted)]
        part = found[offset:][:limit]
        return part, len(found), _shared(part, stamps)

    def count(self, cls: type[Record], field: str) -> dict[str, int]:
        """How many records there are of each value, in the values' order."""
        stamps = scan(f"{self._records}/{cls.folder}")
        if len(stamps) > _FEW:
            from state import index

            return self._ask(cls, stamps, index.count(cls, field))
        return dict(sorted(Counter(getattr(record, field) for record in self._each(cls, stamps)).items()))

    def _each(self, cls: type[R], stamps: Mapping[str, Stamp]) -> Iterator[R]:
        for key in self._ordered(cls, list(stamps)):
            record = self._cached(cls, key, stamps[key])
            if record is not None:
                yield record

    def _ordered(self, cls: type[Record], names: list[str]) -> list[str]:
        """The keys among these, by number; put in order anew only if there are others than the last time."""
        known = self._order.get(cls)
        if known is None or known[0] != names:
            known = self._order[cls] = names, sorted(filter(is_key, names), key=by_number)
        return known[1]

    def _load(self, cls: type[Record], stamps: Mapping[str, Stamp]) -> None:
        """All at once from the index; from then on, files that change are read one by one."""
        from state import index

        for record in self._ask(cls, stamps, index.select(cls, {}))[0]:
            self._cache[cls][record.key] = (stamps[record.key], record)
        self._loaded.add(cls)

    def _ask(self, cls: type[Record], stamps: Mapping[str, Stamp], question: Question[T]) -> T:
        from state.index import Files, ask

        files = Files(cls.folder, stamps, lambda key: self._read(cls, key))
        return ask(self.location.own_private / "index.sqlite", files, question)

    def path(self, cls: type[Record], key: str) -> Path:
        return self.location.records / cls.folder / f"{key}.yaml"


def _read(path: str) -> bytes | None:
    from state.yaml_codec import MAX_BYTES

    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            data = file.read(_USUAL)  # to make room for the most took longer than to read
            # Enough to see that it is too much.
            return data if len(data) < _USUAL else data + file.read(MAX_BYTES + 1 - _USUAL)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidFile(f"{path}: can't read: {error.strerror}") from None


def _shared(records: Sequence[Record], listed: Iterable[str]) -> list[int]:
    wanted = {str(number_of(record.key)) for record in records}
    keys = (name for name in listed if name.partition("-")[0] in wanted and is_key(name))
    return sorted(number for number, count in Counter(map(number_of, keys)).items() if count > 1)


def _equals(record: Record, wanted: Mapping[str, str]) -> bool:
    return all(getattr(record, field) == value for field, value in wanted.items())


def _kind(cls: type[Record]) -> str:
    return cls.__name__.lower()
