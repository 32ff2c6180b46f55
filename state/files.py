"""Writing to disk: what is durable when, and in which order."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from state.errors import RefactoryError

UNCHANGED = "nothing was changed: mend the cause, and run the command again"
_OPEN_AT_ONCE = 64


class Unwritable(RefactoryError):
    """The file system refuses: it is full, read-only or broken."""


def unwritable(error: OSError, path: Path | str, hint: str) -> Unwritable:
    return Unwritable(f"{error.filename or path}: can't write: {error.strerror or error}", hint)


class NewFile(NamedTuple):
    path: str
    data: bytes
    mode: int = 0o666


def read_regular(path: Path | str, most: int = 2**26) -> bytes:
    """A file of ours. Raises OSError also for a pipe or a device in its place, which could hold a reader for ever."""
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        return file.read(most)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def write_new(files: Sequence[NewFile], durable: bool = True) -> None:
    """Write files that nobody reads yet. Their folders are not made durable."""
    for start in range(0, len(files), _OPEN_AT_ONCE):
        _write_batch(files[start : start + _OPEN_AT_ONCE], durable)


def _write_batch(files: Sequence[NewFile], durable: bool) -> None:
    """All are on their way to the disk before the first is waited for: one wait for many."""
    descriptors: list[int] = []
    with ExitStack() as opened:
        for path, data, mode in files:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
            opened.callback(os.close, descriptor)
            write_all(descriptor, data)
            descriptors.append(descriptor)
        for descriptor in descriptors if durable and hasattr(os, "posix_fadvise") else ():
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for descriptor in descriptors if durable else ():
            os.fsync(descriptor)


def write_all(descriptor: int, data: bytes, offset: int = 0) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def move(source: str, target: str) -> None:
    """Where the two lie on different file systems (a linked worktree may), over a copy beside the target."""
    try:
        os.rename(source, target)  # noqa: PTH104
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_by_copy(Path(source), Path(target))


def _move_by_copy(source: Path, target: Path) -> None:
    data, copy = source.read_bytes(), _beside(target)
    if not copy.is_file() or copy.read_bytes() != data:
        write_new([NewFile(str(copy), data)])
    copy.rename(target)
    source.unlink()


def copies_beside(moves: Mapping[str, str], disk: Path) -> dict[str, str]:
    """Where the sources that go to another disk than this one are copied to first: it may have no space."""
    here = disk.stat().st_dev
    folders = {os.path.dirname(target) for target in moves.values()}  # noqa: PTH120
    away = {folder for folder in folders if os.stat(folder).st_dev != here}  # noqa: PTH116
    parts = ((source, Path(target)) for source, target in (moves.items() if away else ()))
    return {source: str(_beside(target)) for source, target in parts if str(target.parent) in away}


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.tmp")


def is_half_written(name: str) -> bool:
    """All writers give such a name to a file until it is whole."""
    return name.startswith(".") and name.endswith(".tmp")


def make_folder(path: str, durable: bool = True) -> None:
    """With all its parents, each durable in the one above it."""
    if os.path.isdir(path):  # noqa: PTH112
        return
    above = os.path.dirname(path)  # noqa: PTH120
    make_folder(above, durable)
    with suppress(FileExistsError):
        os.mkdir(path)  # noqa: PTH102
    sync_folder(above, durable)


def sync_folder(path: Path | str, durable: bool = True) -> None:
    with Folders([str(path)], durable) as folders:
        folders.sync()


class Folders:
    """Folders whose entries are to be made durable. Opened early, as later there might be no descriptor left."""

    def __init__(self, paths: Iterable[str], durable: bool = True) -> None:
        self._descriptors: list[int] = []
        try:
            for path in sorted(set(paths)) if durable else ():
                self._descriptors.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError:
            self.close()
            raise

    def sync(self) -> None:
        for descriptor in self._descriptors:
            os.fsync(descriptor)

    def close(self) -> None:
        while self._descriptors:
            with suppress(OSError):  # nothing was written through it
                os.close(self._descriptors.pop())

    def __enter__(self) -> Folders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
