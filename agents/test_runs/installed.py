"""What is installed in the repository and not committed: tests find it in their worktree as well."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.worktrees.worktree import Worktree
from state.config import Test

_USUAL = ("node_modules",)  # Node looks for it beside the code, and nowhere else
_INSTALLS = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:ci|i|install|clean-install)\b")


@contextmanager
def installed(worktree: Worktree, config: Test) -> Iterator[list[Path]]:
    """As long as the block lasts, links to it where the worktree has nothing of that name; yields what they lead to.

    Nothing is linked where the commit has led the folder around the link out of the worktree. Nor does a link stay:
    an ignored `node_modules/` is a folder, so a link would be a change to commit.
    """
    git_dir = worktree.git.git_dir.parent.parent  # of the repository, not of the worktree
    links = list(_links(worktree, git_dir.parent, config)) if git_dir.name == ".git" else []
    for link, there in links:
        link.symlink_to(there)
    try:
        yield [there for _, there in links]
    finally:
        for link, there in links:
            if link.is_symlink() and link.readlink() == there:
                link.unlink()


def _links(worktree: Worktree, repository: Path, config: Test) -> Iterator[tuple[Path, Path]]:
    root = worktree.path.resolve()
    for name in _names(config):
        there, link = repository / name, worktree.path / name
        if there.is_dir() and not os.path.lexists(link) and _inside(link.parent, root):
            yield link, there


def _names(config: Test) -> list[str]:
    if config.installed is not None:
        return config.installed
    return [] if config.command and _INSTALLS.search(config.command) else list(_USUAL)


def _inside(folder: Path, root: Path) -> bool:
    return folder.is_dir() and folder.resolve().is_relative_to(root)
