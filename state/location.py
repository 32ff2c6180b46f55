"""Where a repository keeps Refactory's records and what must not be committed."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

import msgspec

from state.errors import NotFound, UsageError


class Location(msgspec.Struct, frozen=True, dict=True):
    """`root`: the working tree's top. `git_dir`: the common git folder, shared by all its worktrees.
    `own_git_dir`: this worktree's, with its HEAD and index.
    """

    root: Path
    git_dir: Path
    own_git_dir: Path

    @cached_property
    def records(self) -> Path:
        return self.root / ".refactory"

    @cached_property
    def private(self) -> Path:
        return self.git_dir / "refactory"

    @cached_property
    def own_private(self) -> Path:
        """Like `private`, for what is of this worktree alone: its `.refactory` may be another branch's."""
        return self.own_git_dir / "refactory"

    @property
    def cache(self) -> Path:
        """The folder of this clone's task worktrees and mirrors; outside the tree, where no tool walks."""
        import hashlib

        name = str(self.git_dir.resolve())
        # The readable part is the same for `a/b` and `a-b`, and short: a name has 255 bytes at most.
        short_hash = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
        return user_cache() / f"{name.strip('/').replace('/', '-')[-50:]}-{short_hash}"


def user_cache() -> Path:
    """This user's folder for what can be made again, of whatever clone. A relative one is to be ignored (XDG)."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "refactory"


def locate(start: Path) -> Location:
    """The repository around `start`. Walks up like git does, without the cost of starting git."""
    start = start.absolute()
    if not start.is_dir():
        raise UsageError(f"{start}: no such folder")
    for folder in (start, *start.parents):
        own = git_dir_of(folder)
        if own:
            return Location(folder, _common_dir(own), own)
    raise UsageError(f"{start}: not a git repository", "run `git init` first, or change to a repository")


def initialised(location: Location) -> Location:
    if not location.records.is_dir():
        raise NotFound(f"{location.root}: no .refactory folder here", "run `refactory init` first")
    return location


def git_dir_of(folder: Path) -> Path | None:
    """A working tree's git folder: its `.git`, or what that file leads to (gitrepository-layout(5))."""
    marker = folder / ".git"
    if marker.is_dir():
        return marker
    if not marker.is_file():
        return None
    text = marker.read_text(encoding="utf-8", errors="surrogateescape")
    if not text.startswith("gitdir: "):
        raise UsageError(f"{marker}: not a git file", "it should start with `gitdir: `")
    git_dir = folder / text.removeprefix("gitdir: ").rstrip("\n")
    if not git_dir.is_dir():
        raise UsageError(f"{marker}: names {git_dir}, which is no folder", "run `git worktree repair`")
    return git_dir.resolve()


def _common_dir(git_dir: Path) -> Path:
    pointer = git_dir / "commondir"
    if not pointer.is_file():
        return git_dir
    common = git_dir / pointer.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    if not common.is_dir():
        raise UsageError(f"{pointer}: names {common}, which is no folder", "run `git worktree repair`")
    return common.resolve()
