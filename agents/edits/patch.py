"""From an answer to changed files, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import Applied, EditRefused, Reader
from agents.edits.worktree import read_from, write


def apply_answer(
    answer: str,
    root: Path,
    scope: Sequence[str] = (),
    asked: formats.Name | None = None,
    base: Reader | None = None,
) -> Applied:
    """Applies an answer in any format to a work tree; raises EditRefused and leaves the tree alone if it can't.

    With a `base`, an edit of a file that is not as it was there is refused.
    """
    applied = try_answer(answer, root, scope, asked, base)
    write(applied, root)
    return applied


def try_answer(
    answer: str,
    root: Path,
    scope: Sequence[str] = (),
    asked: formats.Name | None = None,
    base: Reader | None = None,
) -> Applied:
    """What `apply_answer` would write."""
    read = read_from(root)
    return apply(formats.parse(answer, asked), _as_in(base, read) if base else read, scope)


def _as_in(base: Reader, read: Reader) -> Reader:
    def read_unchanged(path: str) -> bytes | None:
        data = read(path)
        if data != base(path):
            raise EditRefused(f"{path}: was changed since the base")
        return data

    return read_unchanged
