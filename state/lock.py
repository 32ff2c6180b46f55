"""The one lock around read-change-write: held for milliseconds, released by the kernel when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from state.errors import Busy
from state.files import UNCHANGED, Unwritable

if TYPE_CHECKING:
    from filelock import BaseFileLock

_PATIENCE = 1.0  # seconds of waiting before it is worth a word
_NOTE = 120  # bytes
_HELD: set[tuple[int, int, str]] = set()  # by process and thread: a forked child holds none of its parent's


@contextmanager
def locked(path: Path, what: str, seconds: float = 60.0) -> Iterator[None]:
    """Hold the lock at `path`. Raises Busy after `seconds`; says on stderr for whom it waits.

    It blocks: tasks of an event loop take it in a thread.
    """
    from threading import get_ident

    mine = (os.getpid(), get_ident(), str(path))
    if mine in _HELD:
        raise RuntimeError(f"{path}: this thread holds it already, and would wait for itself")
    lock = _acquired(path, seconds)
    _HELD.add(mine)
    try:
        _note_holder(path, what)
        yield
    finally:
        _HELD.discard(mine)
        with suppress(OSError):  # the work is done; at the latest, the lock ends with this process
            lock.release()


def _acquired(path: Path, seconds: float) -> BaseFileLock:
    # Imported here since reading commands never lock.
    from filelock import Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _lock(str(path), os.getpid())
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            _say_who(path)
            lock.acquire(timeout=seconds)
    except Timeout:
        raise Busy(f"{path}: still locked after {seconds:.0f} s", _holder(path)) from None
    except OSError as error:
        raise Unwritable(f"{path}: can't lock: {error.strerror or error}", UNCHANGED) from None
    return lock


@lru_cache(maxsize=64)
def _lock(path: str, _pid: int) -> BaseFileLock:
    """One for each process, as to make one takes longer than to take it; what it holds is each thread's own.

    The poll is short because the lock is held for milliseconds.
    """
    from filelock import FileLock

    return FileLock(path, poll_interval=0.002)


def _holder_file(path: Path) -> Path:
    return path.with_name(path.name + ".holder")


def _note_holder(path: Path, what: str) -> None:
    """For those who wait. A full disk is no reason to stop: what needs no space may go on."""
    holder = f"{what} (pid {os.getpid()}) since {time.strftime('%H:%M:%S')}".encode()
    with suppress(OSError):
        # Written over, not truncated: some file systems answer that with a write to the disk.
        descriptor = os.open(_holder_file(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.write(descriptor, holder[:_NOTE].ljust(_NOTE) + b"\n")
        finally:
            os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        with _holder_file(path).open(encoding="utf-8") as file:
            name = file.read(_NOTE).strip("\0 \n")
    except (OSError, UnicodeDecodeError):
        name = ""
    return f"held by {name or 'another process'}"


def _say_who(path: Path) -> None:
    print(f"refactory: waiting for {path.name}, {_holder(path)}", file=sys.stderr)
