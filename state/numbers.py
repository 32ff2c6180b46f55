"""Which records have which number, without listing 100,000 names for each new one.

What a record folder holds is remembered for as long as the folder looks the same; a writer, who holds the lock, carries
it over his own changes. Only a file that another program puts there within the very milliseconds of such a change
goes unseen, and only if it is not git (which renews its index last of all) and until the next change or, at the latest,
the 32nd of our own. A number that was given out is remembered for the whole clone: it is not given again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from state.keys import is_key, number_of
from state.location import Location
from state.stamps import settled

_MANY = 250  # fewer names are listed faster than remembered
_CARRIED_AT_MOST = 32

# How folder and index looked (the folder's mtime, ctime and inode, git's index's mtime and inode), then the highest
# number, how many changes were carried over since it was listed, and the CRC of the rest. Plain numbers: to make a
# class for them takes each start of the program longer than to list a small folder.
_LOOKS, _HIGHEST, _CARRIED, _CRC = slice(0, 5), 5, 6, 7
_FIELD = 20  # digits
_HEADER = 8 * (_FIELD + 1)
Looks = tuple[int, int, int, int, int]


class Numbers:
    """Of one folder of records. Its memory: a header, then each key on a line of its own."""

    def __init__(self, location: Location, folder: str) -> None:
        self._folder = location.records / folder
        self._git_index = location.own_git_dir / "index"
        self._memory = location.own_private / "names" / folder
        self._given = f"given/{folder}"
        self._private = location.private

    def keys(self, number: str, under_lock: bool) -> list[str]:
        """The keys with this number: one, unless branches were merged."""
        text = self._remembered()
        if text is None:
            return sorted(key for key in self._listed(under_lock) if key.startswith(f"{number}-"))
        return sorted(f"{number}-{rest[:8].decode()}" for rest in text.split(f"\n{number}-".encode())[1:])

    def highest(self) -> int:
        """The highest number there is or was. Call under the lock."""
        header = self._header()
        if self._is_true(header):
            return max(header[_HIGHEST], self._last_given())
        keys = self._listed(under_lock=True)
        return max(self._last_given(), max(map(number_of, keys), default=0))

    @contextmanager
    def changing(self, keys: Sequence[str], removed: bool) -> Iterator[None]:
        """Around the writing of these records, under the lock: what is remembered stays true."""
        before = self._looks()
        made = [key for key in keys if not (self._folder / f"{key}.yaml").exists()]
        yield
        if before and not removed:
            with suppress(OSError):
                self._carry(before, made)

    def given(self, keys: Iterable[str]) -> dict[str, str]:
        """What is noted of the numbers of these keys, by its place in the private folder; nothing if it is already."""
        highest = max(map(number_of, keys), default=0)
        return {self._given: f"{highest:{_FIELD}d}\n"} if highest > self._last_given() else {}

    def _last_given(self) -> int:
        try:
            return int((self._private / self._given).read_bytes())
        except (OSError, ValueError):
            return 0

    def _carry(self, before: Looks, made: Sequence[str]) -> None:
        header, after = self._header(), self._looks()
        if header[_LOOKS] != before or not after:
            return
        added = "".join(f"\n{key}" for key in made).encode()
        highest = max(header[_HIGHEST], max(map(number_of, made), default=0))
        with self._memory.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(added)
            file.flush()  # the header last: until then it does not fit the folder, and nothing is believed
            file.seek(0)
            file.write(
                _header(*after[:3], *before[3:], highest, header[_CARRIED] + 1, _crc(added, header[_CRC]))
            )

    def _remembered(self) -> bytes | None:
        """All keys, if they are still all. What is remembered is read before we look at the folder."""
        try:
            data = self._memory.read_bytes()
        except OSError:
            return None
        header, text = _parsed(data[:_HEADER]), data[_HEADER:]
        return text if self._is_true(header) and _crc(text) == header[_CRC] else None

    def _header(self) -> tuple[int, ...]:
        try:
            with self._memory.open("rb") as file:
                return _parsed(file.read(_HEADER))
        except OSError:
            return ()

    def _is_true(self, header: tuple[int, ...]) -> bool:
        return bool(header) and header[_CARRIED] < _CARRIED_AT_MOST and header[_LOOKS] == self._looks()

    def _looks(self) -> Looks | None:
        try:
            folder = self._folder.stat()
        except OSError:
            return None
        try:
            index = self._git_index.stat()
        except OSError:
            return (folder.st_mtime_ns, folder.st_ctime_ns, folder.st_ino, 0, 0)
        return (folder.st_mtime_ns, folder.st_ctime_ns, folder.st_ino, index.st_mtime_ns, index.st_ino)

    def _listed(self, under_lock: bool) -> list[str]:
        at, looks = time.time_ns(), self._looks()
        keys = names(self._folder)
        # Without the lock, one of us might change the folder in the same tick of its clock, unseen.
        if looks and len(keys) > _MANY and (under_lock or settled(looks[1], at)):
            text = "".join(f"\n{key}" for key in keys).encode()
            highest = max(map(number_of, keys))
            with suppress(OSError):
                _replace(self._memory, _header(*looks, highest, 0, _crc(text)) + text)
        return keys


def names(folder: Path) -> list[str]:
    """All keys in a folder, in no order; what is no record (a stray file) is not listed."""
    try:
        found = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [name[:-5] for name in found if name.endswith(".yaml") and is_key(name[:-5])]


def _header(*fields: int) -> bytes:
    return "".join(f"{field:{_FIELD}d}\n" for field in fields).encode()


def _parsed(header: bytes) -> tuple[int, ...]:
    try:
        fields = tuple(map(int, header.split()))
    except ValueError:
        return ()
    return fields if len(fields) == 8 else ()


def _crc(text: bytes, start: int = 0) -> int:
    """A power cut leaves zeros where the text was to be."""
    from zlib import crc32

    return crc32(text, start)


def _replace(path: Path, data: bytes) -> None:
    """A cache: not worth to wait for the disk."""
    from threading import get_ident

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
