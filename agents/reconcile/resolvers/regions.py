"""Git's own view of what clashes in a file: `git merge-file` with the base between both sides."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agents.git.repository import Repository
from agents.reconcile.resolvers.clash import Lines, Region, lines_of

# Longer than anybody's own: a line of seven `=` may well be a heading.
_SIZE = 61
_OURS, _BASE, _THEIRS, _END = (char * _SIZE for char in (b"<", b"|", b"=", b">"))


def parts_of(git: Repository, base: bytes, ours: bytes, theirs: bytes) -> tuple[Lines | Region, ...] | None:
    """None for what git takes for binary."""
    with tempfile.TemporaryDirectory(prefix="refactory-merge-") as name:
        paths = [Path(name, side) for side in ("ours", "base", "theirs")]
        for path, data in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(data)
        options = ("-p", "-q", "--diff3", f"--marker-size={_SIZE}")
        status, out, _ = git.attempt("merge-file", *options, *map(str, paths))
    return None if status > 127 else _parsed(out)


def _parsed(data: bytes) -> tuple[Lines | Region, ...]:
    parts: list[Lines | Region] = []
    sides: list[list[bytes]] = [[]]
    for line in lines_of(data):
        if line.startswith(_OURS):
            parts.append(tuple(sides[0]))
            sides = [[]]
        elif line.startswith((_BASE, _THEIRS)):
            sides.append([])
        elif line.startswith(_END):
            ours, base, theirs = map(tuple, sides)
            parts.append(Region(base, ours, theirs))
            sides = [[]]
        else:
            sides[-1].append(line)
    return (*parts, tuple(sides[0]))
