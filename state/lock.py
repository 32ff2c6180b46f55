"""The one lock around read-change-write: held for milliseconds, released by the kernel when its holder dies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from state.errors import Busy, RefactoryError

_PATIENCE = 1.0  # seconds of waiting before it is worth a word


@contextmanager
def locked(path: Path, what: str, seconds: float = 60.0) -> Iterator[None]:
    """Hold the lock at `path`. Raises Busy after `seconds`; says on stderr for whom it waits."""
    # Imported here since reading commands never lock. A new object per acquire: a shared one is no mutex
    # across threads. The poll is short because the lock is held for milliseconds.
    from filelock import FileLock, Timeout

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, poll_interval=0.002)
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            _say_who(path)
            lock.acquire(timeout=seconds)
    except Timeout:
        raise Busy(f"{path}: still locked after {seconds:.0f} s", _holder(path)) from None
    except OSError as error:
        raise RefactoryError(f"{path}: can't lock: {error.strerror or error}") from None
    try:
        _note_holder(path, what)
        yield
    finally:
        lock.release()


def _holder_file(path: Path) -> Path:
    return path.with_name(path.name + ".holder")


def _note_holder(path: Path, what: str) -> None:
    holder = f"{what} (pid {os.getpid()}) since {time.strftime('%H:%M:%S')}\n"
    try:
        _holder_file(path).write_text(holder, encoding="utf-8")
    except OSError as error:
        raise RefactoryError(f"{_holder_file(path)}: can't write: {error.strerror or error}") from None


def _holder(path: Path) -> str:
    try:
        return f"held by {_holder_file(path).read_text(encoding='utf-8').strip()}"
    except OSError:
        return "held by another process"


def _say_who(path: Path) -> None:
    print(f"refactory: waiting for {path.name}, {_holder(path)}", file=sys.stderr)
