"""What is installed in the repository and not committed: tests find it in their worktree as well."""

from __future__ import annotations

import os
import re
from pathlib import Path

from agents.worktrees.worktree import Worktree
from state.config import Test

_USUAL = ("node_modules",)  # Node looks for it beside the code, and nowhere else
_INSTALLS = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:ci|i|install|clean-install)\b")


def link_installed(worktree: Worktree, git_dir: Path, config: Test) -> list[Path]:
    """Links to it where the commit has nothing of that name. Returns what they lead to.

    Nothing is linked where the commit has led the folder around the link out of the worktree.
    """
    found = []
    repository, root = git_dir.parent, worktree.path.resolve()
    for name in _names(config) if git_dir.name == ".git" else ():
        there, link = repository / name, worktree.path / name
        if link.is_symlink() and link.readlink() == there:
            found.append(there)
        elif there.is_dir() and not os.path.lexists(link) and _inside(link.parent, root):
            link.symlink_to(there)
            found.append(there)
    return found


def _names(config: Test) -> list[str]:
    if config.installed is not None:
        return config.installed
    return [] if config.command and _INSTALLS.search(config.command) else list(_USUAL)


def _inside(folder: Path, root: Path) -> bool:
    return folder.is_dir() and folder.resolve().is_relative_to(root)
