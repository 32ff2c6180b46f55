"""Where a repository keeps Refactory's records and what must not be committed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from state.errors import NotFound, UsageError


class Location(msgspec.Struct, frozen=True):
    """`root`: the working tree's top. `git_dir`: the common git folder, shared by all its worktrees."""

    root: Path
    git_dir: Path

    @property
    def records(self) -> Path:
        return self.root / ".refactory"

    @property
    def private(self) -> Path:
        return self.git_dir / "refactory"

    @property
    def cache(self) -> Path:
        """The folder of this clone's task worktrees and mirrors; outside the tree, where no tool walks."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        name = str(self.git_dir.resolve()).strip("/").replace("/", "-")
        return Path(base) / "refactory" / name[-120:]


def locate(start: Path) -> Location:
    """The repository around `start`. Walks up like git does, without the cost of starting git."""
    start = start.absolute()
    if not start.is_dir():
        raise UsageError(f"{start}: no such folder")
    for folder in (start, *start.parents):
        marker = folder / ".git"
        if marker.is_dir():
            return Location(folder, marker)
        if marker.is_file():
            return Location(folder, _common_dir(marker))
    raise UsageError(f"{start}: not a git repository", "run `git init` first, or change to a repository")


def initialised(location: Location) -> Location:
    if not location.records.is_dir():
        raise NotFound(f"{location.root}: no .refactory folder here", "run `refactory init` first")
    return location


def _common_dir(marker: Path) -> Path:
    """What a linked worktree's `.git` file leads to (gitrepository-layout(5): `gitdir:`, `commondir`)."""
    text = marker.read_text(encoding="utf-8", errors="surrogateescape")
    if not text.startswith("gitdir: "):
        raise UsageError(f"{marker}: not a git file", "it should start with `gitdir: `")
    git_dir = marker.parent / text.removeprefix("gitdir: ").rstrip("\n")
    common = git_dir / "commondir"
    if common.is_file():
        git_dir = git_dir / common.read_text(encoding="utf-8").strip()
    if not git_dir.is_dir():
        raise UsageError(f"{marker}: names {git_dir}, which is no folder", "run `git worktree repair`")
    return git_dir.resolve()
