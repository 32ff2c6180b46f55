"""What an agent's own tooling leaves in the worktree: its logs, caches, and its lines in .gitignore."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agents.worktrees.file_tree import remove
from agents.worktrees.worktree import Worktree
from state.preset import Preset

_GITIGNORE = ".gitignore"
_LARGEST = 2**20  # bytes of one that is looked at


def tidy(worktree: Worktree, preset: Preset, scope: Sequence[str]) -> None:
    """Remove it. What the commit has, and what the task names, is not the tooling's."""
    for path in _left(worktree, preset.leaves):
        name = str(path.relative_to(worktree.path))
        if name not in scope and not worktree.git.raw("ls-tree", worktree.commit, "--", name):
            remove(path)
    if preset.ignores and _GITIGNORE not in scope:
        _restore_gitignore(worktree, preset.ignores)


def _left(worktree: Worktree, patterns: Sequence[str]) -> list[Path]:
    """Not what is git's. Folders too deep to be looked into are another's case: such work is refused."""
    found: list[Path] = []
    for pattern in patterns:
        with suppress(RecursionError, OSError):
            found += worktree.path.glob(pattern)
    return [path for path in found if path not in (worktree.path, worktree.path / ".git")]


def _restore_gitignore(worktree: Worktree, ignores: Sequence[str]) -> None:
    """As it was, if the tooling's lines are all that is new in it."""
    path = worktree.path / _GITIGNORE
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
        return
    before = worktree.git.blob(worktree.commit, _GITIGNORE)
    old = _lines(before or b"")
    new = [line for line in _lines(path.read_bytes()) if line in old or line not in ignores]
    if new != old or path.read_bytes() == before:
        return
    path.unlink()
    if before is not None:
        path.write_bytes(before)


def _lines(data: bytes) -> list[str]:
    return [line for line in data.decode("utf-8", "surrogateescape").splitlines() if line.strip()]
