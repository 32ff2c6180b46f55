"""The lock around all that changes the shared git folder: git's own locks fail, not wait.

A git that is killed leaves its own locks (`packed-refs.lock`, `index.lock`, one on a ref), and every later one fails.
Which of them are ours is known by a note: it is made before the work and stays if the work does not end well.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from state.birth import birth
from state.lock import locked

_LASTS = 60 * 10**9  # nanoseconds after which what we began makes no new locks
_PATIENCE = 5.0  # seconds for a git to end that outlived its caller


def lock_of(private: Path) -> Path:
    """In a clone's private folder, or a mirror's."""
    return private / "git-lock"


@contextmanager
def git_locked(lock: Path, what: str, *git_dirs: Path) -> Iterator[None]:
    """Hold `lock`, with what a killed git of ours left in these folders removed."""
    note = _note(lock)
    with locked(lock, what):
        cleared = _cleared(note)
        if cleared:
            note.write_bytes(b"".join(os.fsencode(folder) + b"\0" for folder in git_dirs))
        yield
        if cleared:
            os.truncate(note, 0)


def clear_killed(lock: Path) -> None:
    """The same for who may not need the lock: the user's own git may."""
    note = _note(lock)
    if note.exists() and note.stat().st_size:
        with locked(lock, "git locks"):
            if _cleared(note):
                os.truncate(note, 0)


def _note(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}.work")


def _cleared(note: Path) -> bool:
    """False if somebody's git still runs that may be the one that made the locks."""
    try:
        began = note.stat().st_mtime_ns
        *names, _ = note.read_bytes().split(b"\0")  # after the last NUL: nothing, or a name that is cut off
    except FileNotFoundError:
        return True
    git_dirs = [Path(os.fsdecode(name)) for name in names]
    left = [path for path in _locks(git_dirs) if _made(path, began)]
    if left and not _ended(git_dirs):
        return False
    for path in left:
        if _made(path, began):
            path.unlink(missing_ok=True)
    return True


def _locks(git_dirs: list[Path]) -> Iterator[Path]:
    for folder in git_dirs:
        yield from folder.glob("*.lock")
        yield from folder.glob("refs/**/*.lock")


def _made(path: Path, began: int) -> bool:
    with suppress(FileNotFoundError):
        return 0 <= path.stat().st_mtime_ns - began <= _LASTS
    return False


def _ended(git_dirs: list[Path]) -> bool:
    """Wait for those that run now. One that starts later makes none of the locks that are there."""
    if not Path("/proc/self").exists():
        time.sleep(_PATIENCE)
        return True
    running = [(pid, birth(pid)) for pid in _gits(git_dirs)]
    deadline = time.monotonic() + _PATIENCE
    while any(born and birth(pid) == born for pid, born in running):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _gits(git_dirs: list[Path]) -> Iterator[int]:
    """The git processes that work in these folders, ours or the user's."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if _works_in(Path("/proc", name), git_dirs):
                yield int(name)


def _works_in(process: Path, git_dirs: list[Path]) -> bool:
    if not (process / "comm").read_text(encoding="utf-8", errors="replace").startswith("git"):
        return False
    given = (process / "environ").read_bytes().split(b"\0")
    if any(entry.startswith(b"GIT_DIR=") for entry in given):
        return any(b"GIT_DIR=" + os.fsencode(folder) in given for folder in git_dirs)
    cwd = (process / "cwd").readlink()
    return any(cwd == folder.parent or folder.parent in cwd.parents for folder in git_dirs)
