"""Merges of two commits in memory (git-merge-tree(1), `--write-tree`): no working tree, no index."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from agents.git.repository import GitError, Repository

_REGULAR = ("100644", "100755")


@dataclass(frozen=True)
class Side:
    """A file as one side of a merge has it."""

    mode: str
    blob: str

    @property
    def is_regular(self) -> bool:
        return self.mode in _REGULAR


@dataclass(frozen=True)
class Unmerged:
    """A path that git left to us; None where a side has no file there."""

    path: str
    base: Side | None
    ours: Side | None
    theirs: Side | None

    @property
    def sides(self) -> list[Side]:
        return [side for side in (self.base, self.ours, self.theirs) if side]


@dataclass(frozen=True)
class Merge:
    """Its tree, with git's conflict markers in what is `unmerged`."""

    tree: str
    clean: bool
    unmerged: tuple[Unmerged, ...] = ()

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(one.path for one in self.unmerged)


def merge_tree(git: Repository, ours: str, theirs: str) -> Merge:
    args = ("merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs)
    status, out, err = git.attempt(*args)
    if status not in (0, 1):
        raise GitError(args, status, err)
    tree, *entries = out.decode("utf-8", "surrogateescape").rstrip("\0").split("\0")
    return Merge(tree, status == 0, _unmerged(entries))


def _unmerged(entries: list[str]) -> tuple[Unmerged, ...]:
    """Of `MODE BLOB STAGE<tab>PATH`; the stages are the base, ours, theirs."""
    paths: dict[str, dict[str, Side]] = defaultdict(dict)
    for entry in filter(None, entries):
        about, _, path = entry.partition("\t")
        mode, blob, stage = about.split(" ")
        paths[path][stage] = Side(mode, blob)
    return tuple(
        Unmerged(path, stages.get("1"), stages.get("2"), stages.get("3")) for path, stages in paths.items()
    )
