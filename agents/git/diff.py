"""What changed between two trees, path by path."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from agents.git.repository import Repository
from state.records import Diffstat


class Changed(NamedTuple):
    """One path between two trees: lines added and removed (`-` in a binary file), modes as git writes them."""

    path: str
    added: str
    removed: str
    old_mode: str
    new_mode: str


@lru_cache(maxsize=16)
def changes(git: Repository, old: str, new: str) -> tuple[Changed, ...]:
    """What changed between two commits or trees, given by whole ids, as the answer is remembered."""
    out = git.raw(
        "diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames", "--ignore-submodules=none", old, new
    )
    fields = out.decode("utf-8", "surrogateescape").split("\0")
    count = len(fields) // 3  # first two fields for each path, then one for each
    modes = (raw.removeprefix(":").split(" ", 2) for raw in fields[0 : 2 * count : 2])
    counts = (row.split("\t", 2) for row in fields[2 * count : 3 * count])
    return tuple(
        Changed(path, added, removed, old_mode, new_mode)
        for (added, removed, path), (old_mode, new_mode, _) in zip(counts, modes, strict=True)
    )


def diffstat(git: Repository, old: str, new: str) -> Diffstat:
    return summed(changes(git, old, new))


def summed(changed: Sequence[Changed]) -> Diffstat:
    """Binary files count as files, without lines."""
    added = sum(int(change.added) for change in changed if change.added.isdigit())
    removed = sum(int(change.removed) for change in changed if change.removed.isdigit())
    return Diffstat(files=len(changed), insertions=added, deletions=removed)
