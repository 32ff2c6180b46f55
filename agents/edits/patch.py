"""From an answer to changed files, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import Applied
from agents.edits.worktree import read_from, write


def apply_answer(
    answer: str, root: Path, scope: Sequence[str] = (), asked: formats.Name | None = None
) -> Applied:
    """Applies an answer in any format to a work tree; raises EditRefused and leaves the tree alone if it can't."""
    applied = apply(formats.parse(answer, asked), read_from(root), scope)
    write(applied, root)
    return applied
