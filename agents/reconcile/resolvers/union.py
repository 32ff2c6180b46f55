"""Both sides' lines, one after the other: right for a changelog, and never for code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from agents.edits.tree.paths import in_scope
from agents.reconcile.resolvers import Resolver
from agents.reconcile.resolvers.clash import Clash, Lines, Region, joined

NAME = "union"
_PROSE = {"", ".md", ".markdown", ".rst", ".txt", ".adoc", ".org"}  # `changes.py` may fit a glob, too


def resolver(globs: Sequence[str]) -> Resolver:
    """For prose that matches a glob."""

    def resolve(clash: Clash) -> Clash:
        prose = PurePosixPath(clash.path).suffix.lower() in _PROSE
        wanted = prose and bool(globs) and in_scope(clash.path, globs)
        return clash.fill(NAME, _both) if wanted and clash.kind != "edit/delete" else clash

    return resolve


def _both(region: Region) -> Lines | None:
    """What both added is there once. None where a side removed something: union would bring it back."""
    ours = set(region.ours)
    if not set(region.base) <= ours & set(region.theirs):
        return None
    return joined(region.ours, [line for line in region.theirs if line not in ours or not line.strip()])
