"""Changes that only touch: without context they clash only where both remove a line, or one inserts inside what the
other removes. Insertions at the same place stand in the order of the tasks; one that is how the other begins or ends is
the same change, and stands once.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

from agents.reconcile.resolvers.clash import Clash, Lines, Region, joined

NAME = "zero-context"
_WORD = re.compile(rb"\w")


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
    theirs = _hunks(region.base, region.theirs)
    ours, theirs = _without_part(ours, theirs, strict=True), _without_part(theirs, ours)
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


def _without_part(hunks: list[Hunk], others: list[Hunk], strict: bool = False) -> list[Hunk]:
    """Without what the other side has done, too, or (`strict`: only) more of it."""
    return [
        hunk
        for hunk in hunks
        if not any(_is_part(hunk, other) and not (strict and hunk == other) for other in others)
    ]


def _is_part(one: Hunk, other: Hunk) -> bool:
    """The same, or an insertion of some word that another one at its place begins or ends with."""
    inserted = one.start == one.end == other.start == other.end and any(map(_WORD.search, one.new))
    count = len(one.new)
    return one == other or (inserted and one.new in (other.new[:count], other.new[-count:]))


def _clash(one: Hunk, other: Hunk) -> bool:
    both_remove = max(one.start, other.start) < min(one.end, other.end)
    return both_remove or _inside(one, other) or _inside(other, one)


def _inside(insertion: Hunk, removal: Hunk) -> bool:
    return insertion.start == insertion.end and removal.start < insertion.start < removal.end
