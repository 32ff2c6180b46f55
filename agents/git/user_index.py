"""Changes entries of the user's index as git does: made aside, moved in place under git's own lock.

The lock is a hard link to the file that was made aside, by which one that a kill left behind is known to be ours.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from agents.git.repository import Repository
from state.errors import Busy

_TRIES = 20  # a tenth of a second apart
_MADE_ASIDE = "user-index"
_LATER = 1000 * 86400 * 10**9  # nanoseconds


def forget_killed(git_dir: Path, folder: Path) -> None:
    """Remove git's lock if it is ours, from a run that was killed: we hold our own lock, so no other one lives."""
    lock, ours = git_dir / "index.lock", folder / _MADE_ASIDE
    if lock.exists() and ours.exists() and lock.samefile(ours):
        lock.unlink()


def change_entries(git: Repository, folder: Path, entries: bytes) -> None:
    """`entries`: what `update-index --index-info` reads. Raises Busy while another git holds the index."""
    index, lock, ours = git.git_dir / "index", git.git_dir / "index.lock", folder / _MADE_ASIDE
    for _ in range(_TRIES):
        before = _look(index)
        _make(git, index if before else None, ours, entries)
        if _moved_in_place(ours, lock, index, before):
            return
        time.sleep(0.1)
    raise Busy(
        f"another git command holds the index ({lock}), so nothing was committed",
        "wait for it, or remove the file if no git runs",
    )


def _make(git: Repository, index: Path | None, ours: Path, entries: bytes) -> None:
    """All other entries stay byte for byte, so the new index has the old one's time, too: by it git knows which
    files may have changed unseen. For those it would run filters now, were the time not a later one meanwhile.
    """
    ours.unlink(missing_ok=True)
    if index:
        shutil.copyfile(index, ours)
        time_of_index = index.stat().st_mtime_ns
        os.utime(ours, ns=(time_of_index, time_of_index + _LATER))
    private = Repository(git.git_dir, git.work_tree, ours)
    private.run("update-index", "--replace", "-z", "--index-info", input=entries)
    if index:
        shutil.copymode(index, ours)
        os.utime(ours, ns=(time_of_index, time_of_index))


def _moved_in_place(ours: Path, lock: Path, index: Path, before: tuple[int, ...]) -> bool:
    try:
        os.link(ours, lock)
    except FileExistsError:
        return False
    if _look(index) != before:
        lock.unlink()
        return False
    lock.replace(index)
    return True


def _look(index: Path) -> tuple[int, ...]:
    try:
        found = index.stat()
    except FileNotFoundError:
        return ()
    return (found.st_mtime_ns, found.st_ino, found.st_size)
