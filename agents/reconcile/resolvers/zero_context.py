"""Changes that only touch: without context they clash only where both remove a line, or one inserts inside what the
other removes. Insertions at the same place stand in the order of the tasks.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import NamedTuple

from agents.reconcile.resolvers.clash import Clash, Lines, Region, joined

NAME = "zero-context"


class Hunk(NamedTuple):
    """`new` instead of the base's lines from `start` to before `end`."""

    start: int
    end: int
    new: Lines


def resolve(clash: Clash) -> Clash:
    """Where both made the file there is no base to tell what is whose."""
    return clash.fill(NAME, _merged) if clash.kind == "edit/edit" else clash


def _merged(region: Region) -> Lines | None:
    ours = _hunks(region.base, region.ours)
    theirs = [hunk for hunk in _hunks(region.base, region.theirs) if hunk not in ours]
    if any(_clash(one, other) for one in ours for other in theirs):
        return None
    # At one place: insertions first, ours before theirs, then what replaces.
    hunks = [(hunk, side) for side, hunks in enumerate((ours, theirs)) for hunk in hunks]
    hunks.sort(key=lambda item: (item[0].start, item[0].end > item[0].start, item[1]))
    pieces: list[Lines] = []
    at = 0
    for hunk, _ in hunks:
        pieces += [region.base[at : hunk.start], hunk.new]
        at = max(at, hunk.end)
    return joined(*pieces, region.base[at:])


def _hunks(old: Lines, new: Lines) -> list[Hunk]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        Hunk(start, end, new[low:high])
        for tag, start, end, low, high in matcher.get_opcodes()
        if tag != "equal"
    ]


def _clash(one: Hunk, other: Hunk) -> bool:
    both_remove = max(one.start, other.start) < min(one.end, other.end)
    return both_remove or _inside(one, other) or _inside(other, one)


def _inside(insertion: Hunk, removal: Hunk) -> bool:
    return insertion.start == insertion.end and removal.start < insertion.start < removal.end
