"""Text that is written into files that are there already: a log that grows need not be written anew each time.

A new file for each change would be dear: ext4 passes over inodes that were freed a moment ago, one by one, to find
one that is free. What the text needs is reserved before the commit point, as newlines, which those who read such files
pass over; after it there is nothing left that could be in want of space.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from state.files import write_all

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Place(NamedTuple):
    """`size` is the file's length before anything was reserved."""

    descriptor: int
    size: int
    offset: int
    data: bytes
    durable: bool


def can_change(path: str) -> bool:
    """A file of ours alone: a link to it may be somebody's backup."""
    try:
        info = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(info.st_mode) and info.st_nlink == 1


class Places:
    """Opened early, as later there might be no descriptor left.

    `appends`: paths to offsets and texts; `notes`: paths to whole texts, of this machine's present: after a power cut
    nobody misses them.
    """

    def __init__(
        self, appends: Mapping[str, tuple[int, str]], notes: Mapping[str, str], durable: bool = True
    ) -> None:
        self._places: list[Place] = []
        try:
            for path, (offset, text) in appends.items():
                self._open(path, offset, text.encode(), durable)
            for path, text in notes.items():
                self._open(path, 0, text.encode(), False)
        except OSError:
            self.close()
            raise

    def _open(self, path: str, offset: int, data: bytes, durable: bool) -> None:
        descriptor = os.open(path, _FLAGS)
        size = os.fstat(descriptor).st_size
        self._places.append(Place(descriptor, size, offset, data.ljust(size - offset, b"\n"), durable))

    def reserve(self) -> None:
        for descriptor, size, offset, data, _ in self._places:
            missing = offset + len(data) - size
            if missing > 0:
                write_all(descriptor, b"\n" * missing, size)

    def give_back(self) -> None:
        """As it was: nothing was written."""
        for place in self._places:
            with suppress(OSError):
                os.ftruncate(place.descriptor, place.size)

    def write(self) -> None:
        for place in self._places:
            write_all(place.descriptor, place.data, place.offset)
            if place.durable:
                os.fdatasync(place.descriptor)

    def close(self) -> None:
        while self._places:
            with suppress(OSError):  # all that was written was synced, if it had to be
                os.close(self._places.pop().descriptor)

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_again(path: str, offset: int, text: str) -> None:
    """After a kill or a power cut: at its place, unless git or a hand has put something else there meanwhile."""
    data = text.encode()
    descriptor = os.open(path, _FLAGS | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        there = os.pread(descriptor, max(0, size - offset), offset)
        if there.startswith(data):
            return
        ours = size >= offset and not _without_beginning_of(data, there).strip(b"\n")
        write_all(descriptor, data, offset if ours else size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_beginning_of(data: bytes, there: bytes) -> bytes:
    """What lies there but for the part of `data` that was written before the kill."""
    same = next((at for at, (a, b) in enumerate(zip(data, there, strict=False)) if a != b), len(there))
    return there[same:]
