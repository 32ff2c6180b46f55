"""What this clone knows of the audit logs it wrote: how each ended, and with which it goes on.

It lies outside the tree, a file for each worktree, and is changed in the log's own transaction. So a log that
does not end as it says was changed by somebody else: git (another branch, an older state), or a hand.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

import msgspec

from state.location import Location
from state.private_files import write_private


class Head(msgspec.Struct, frozen=True, array_like=True):
    """A log's end: how many lines it had, and the last one's hash."""

    count: int
    hash: str


class Memory(msgspec.Struct, frozen=True):
    """`log`: the file that is gone on with. `heads`: of this and of earlier ones, by file name."""

    clone: str
    log: str
    heads: dict[str, Head]


def memory_name(location: Location) -> str:
    """Its file in the private folder. A worktree's name need not be UTF-8."""
    return _name(location.own_git_dir, location.git_dir)


@cache
def _name(own: Path, common: Path) -> str:
    linked = own.resolve() != common.resolve()
    name = hashlib.sha256(os.fsencode(own.name)).hexdigest()[:16] if linked else "main"
    return f"audit-{name}.json"


def read_memory(path: Path) -> Memory | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except (FileNotFoundError, msgspec.MsgspecError):
        # Without it the work goes on, with a new log; verification still has the mirror and the history.
        return None


def all_memories(private: Path) -> dict[Path, Memory]:
    found = {path: read_memory(path) for path in sorted(private.glob("audit-*.json"))}
    return {path: memory for path, memory in found.items() if memory}


def clone_id(private: Path) -> str:
    """This clone's name, a new one where the folder is a copy of another clone's. Call under the lock."""
    return known_clone(private) or _settle(private)


def known_clone(private: Path) -> str | None:
    """Copies have another inode or another time of change: no program can set that one."""
    mark, place = private / "audit-clone", private / "audit-place"
    try:
        name, inode, changed = place.read_text(encoding="utf-8").split()
        info = mark.stat()
    except (FileNotFoundError, ValueError):
        return None
    return name if (inode, changed) == (str(info.st_ino), str(info.st_ctime_ns)) else None


def _settle(private: Path) -> str:
    mark, name = private / "audit-clone", os.urandom(4).hex()
    write_private(mark, f"{name}\n")
    info = mark.stat()
    write_private(private / "audit-place", f"{name} {info.st_ino} {info.st_ctime_ns}\n")
    return name
