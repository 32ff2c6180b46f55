"""A model's answer applied to a work tree: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.edits.applier import apply
from agents.edits.changes import Applied
from agents.edits.unified_diff import parse
from agents.edits.worktree import read_from, write


def apply_answer(answer: str, root: Path, scope: Sequence[str] = ()) -> Applied:
    """Raises EditRefused, the tree untouched, with reasons that are ready for the model."""
    applied = apply(parse(answer), read_from(root), scope)
    write(applied, root)
    return applied
