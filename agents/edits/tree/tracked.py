"""Paths that look free in the work tree, and aren't: the index has something there that is not checked out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from agents.edits.changes import Applied, EditRefused
from agents.git.repository import Repository


def check_free(git: Repository, root: Path, applied: Applied) -> None:
    """Raises EditRefused for a new file in a submodule, or over a file that a sparse checkout leaves out."""
    new = {path for path, change in applied.files.items() if change.content is not None}
    created = [path for path in new if applied.before.get(path) is None]
    if not _sparse(git) and not any(_in_empty_folder(root, path) for path in created):
        return
    hidden, modules = _index(git, {part for path in created for part in _parts(path)})
    problems = [
        f"{path}: is tracked, but not checked out here: run `git sparse-checkout add` for its folder first"
        for path in created
        if path in hidden
    ]
    problems += [
        f"{path}: {part} is a submodule" for path in created for part in _parts(path) if part in modules
    ]
    if problems:
        raise EditRefused("\n".join(problems), "nothing was changed")


def _sparse(git: Repository) -> bool:
    return (git.git_dir / "info" / "sparse-checkout").is_file()


def _in_empty_folder(root: Path, path: str) -> bool:
    """As a submodule is that was never fetched. To ask the index costs a process, so only then."""
    folder = next(parent for parent in (root / path).parents if parent.is_dir())
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def _parts(path: str) -> Iterable[str]:
    """The path, and each folder above it."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _index(git: Repository, paths: set[str]) -> tuple[set[str], set[str]]:
    """Of these, the ones not checked out, and the submodules."""
    hidden: set[str] = set()
    modules: set[str] = set()
    for entry in git.raw("ls-files", "--stage", "-t", "-z").split(b"\0"):
        meta, _, name = entry.partition(b"\t")
        if meta.startswith((b"S", b"s")) or b" 160000 " in meta:
            path = os.fsdecode(name)
            if path in paths:
                (modules if b" 160000 " in meta else hidden).add(path)
    return hidden, modules
