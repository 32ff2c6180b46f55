"""Clashes for tests of the resolvers: three sides as text, the regions found by git itself."""

from __future__ import annotations

from pathlib import Path

from agents.git.repository import Repository
from agents.reconcile.resolvers.clash import Clash, Kind
from agents.reconcile.resolvers.regions import parts_of


def clash(
    tmp_path: Path, base: str, ours: str, theirs: str, path: str = "file.c", kind: Kind = "edit/edit"
) -> Clash:
    sides = [text.encode() for text in (base, ours, theirs)]
    parts = parts_of(Repository(tmp_path), *sides)
    assert parts is not None
    return Clash(path, kind, *sides, parts)
