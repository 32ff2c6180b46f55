"""Trees with and without `.refactory/`: task worktrees lack it, and a task's commit can never change it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from agents.git.diff import Changed
from agents.git.repository import Repository

STATE_FOLDER = ".refactory"


@lru_cache(maxsize=64)
def without_state(git: Repository, commit: str) -> str:
    """The commit's tree, `.refactory/` left out, so that no agent sees or changes the records."""
    lines = _top_level(git, commit)
    kept = [line for line in lines if not _is_state_entry(line)]
    if len(kept) == len(lines):
        return git.tree(commit)
    return git.run("mktree", "-z", input=b"".join(line + b"\0" for line in kept))


def with_state_of(git: Repository, tree: str, changed: Iterable[Changed], commit: str) -> str:
    """`tree` with exactly the `.refactory/` that `commit` has; `changed`: against that commit's."""
    mine = [line for line in _top_level(git, commit) if _is_state_entry(line)]
    if not mine and not any(is_state(change.path) for change in changed):
        return tree
    kept = [line for line in _top_level(git, tree) if not _is_state_entry(line)]
    return git.run("mktree", "-z", input=b"".join(line + b"\0" for line in [*kept, *mine]))


def is_state(path: str) -> bool:
    return path.partition("/")[0] == STATE_FOLDER


def _is_state_entry(line: bytes) -> bool:
    return line.endswith(f"\t{STATE_FOLDER}".encode())


@lru_cache(maxsize=64)
def _top_level(git: Repository, treeish: str) -> tuple[bytes, ...]:
    """The entries of a whole id's tree: remembered, as most tasks start from the same commit."""
    out = git.raw("ls-tree", "-z", treeish)
    return tuple(out.rstrip(b"\0").split(b"\0")) if out else ()
