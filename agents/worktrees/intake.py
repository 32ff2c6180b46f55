"""What of a worktree is taken into a commit is bounded: git reads all of a file, also of one that holds nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agents.git.path_text import shown
from agents.git.repository import Repository
from agents.worktrees.file_tree import walk
from agents.worktrees.nested import self_hidden
from state.errors import WorkFailed

_NAME = 300  # bytes of a name and what git may put behind it


def refuse_unfit(git: Repository, folder: Path, commit: str, most: int) -> None:
    """Raises WorkFailed for paths too long for git, which would leave them out, and for more than `most` bytes
    of new and changed files. Cheap for a folder that holds less than that in all.
    """
    sizes = dict(_sizes(folder))
    if sum(sizes.values()) <= most:
        return
    changed = _changed(git, commit)
    taken = {name: size for name, size in sizes.items() if _among(name, changed)}
    if sum(taken.values()) > most:
        largest = max(taken, key=lambda name: taken[name])
        raise WorkFailed(
            f"{shown(largest)} has {taken[largest]} bytes, new and changed files have {sum(taken.values())} in all, "
            f"and no more than {most} are committed",
            "leave out what is no source, or raise coder.maxBytes in .refactory/config.yaml",
        )


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Of all that git may take; what its program removes meanwhile counts as nothing."""
    start = len(str(folder)) + 1
    longest = os.pathconf(folder, "PC_PATH_MAX") - _NAME
    for parent, folders, files in walk(folder):
        if len(os.fsencode(parent)) > longest:
            raise WorkFailed(
                f"{shown(parent[start : start + 40])}...: folders in folders, deeper than a path can be long",
                "git can't take what is in there; make no such folders",
            )
        folders[:] = [name for name in folders if name != ".git"]
        for path in (f"{parent}/{name}" for name in files):
            try:
                size = os.lstat(path).st_size
            except OSError:
                continue
            yield path[start:], size


def _changed(git: Repository, commit: str) -> set[str]:
    """What `git add` would take, by size and time: files, and folders that end in `/`."""
    listing = ("ls-files", "-z", "--others", "--modified", "--exclude-standard")
    found = git.raw(*listing).decode("utf-8", "surrogateescape").split("\0")
    return {*found, *self_hidden(git, commit)}


def _among(name: str, paths: set[str]) -> bool:
    return name in paths or any(f"{parent}/" in paths for parent in map(str, Path(name).parents))
