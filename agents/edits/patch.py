"""From an answer to changed files, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import Applied, EditRefused, Reader
from agents.edits.tree.worktree import read_from, write


def apply_answer(
    answer: str,
    root: Path,
    scope: Sequence[str] = (),
    asked: formats.Name | None = None,
    base: Reader | None = None,
    check: Callable[[Applied], None] | None = None,
) -> Applied:
    """Applies an answer in any format to a work tree; raises EditRefused and leaves the tree alone if it can't.

    With a `base`, an edit of a file that is not as it was there is refused. `check` is asked about new files.
    """
    applied = try_answer(answer, root, scope, asked, base, check)
    write(applied, root)
    return applied


def try_answer(
    answer: str,
    root: Path,
    scope: Sequence[str] = (),
    asked: formats.Name | None = None,
    base: Reader | None = None,
    check: Callable[[Applied], None] | None = None,
) -> Applied:
    """What `apply_answer` would write."""
    read = read_from(root)
    applied = apply(formats.parse(answer, asked), _as_in(base, read) if base else read, scope)
    if check is not None and any(data is None for data in applied.before.values()):
        check(applied)
    return applied


def _as_in(base: Reader, read: Reader) -> Reader:
    def read_unchanged(path: str) -> bytes | None:
        data = read(path)
        if data != base(path):
            raise EditRefused(f"{path}: was changed since the base")
        return data

    return read_unchanged
