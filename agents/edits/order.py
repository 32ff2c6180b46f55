"""Where no line number helps: what stands above a hunk, and its place among the others, tell where it goes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import lgamma, log

from msgspec.structs import replace

from agents.edits.changes import Hunk
from agents.edits.place import Place, Unplaced
from agents.edits.sameness import without_end
from agents.edits.textfile import ENOUGH, TextFile

ENOUGH_CONTEXT = 3  # unchanged lines that formats ask for above and below a change
CHANCE = 1 / 500  # that hunks in any order seem to be in the file's

Result = Place | Unplaced


def are_in_order(answer: Iterable[Sequence[Result]]) -> bool:
    """True if so many hunks come in the order of their files that it can't be chance."""
    chance = 0.0  # its logarithm: that of many hunks is too small for a float
    for results in answer:
        starts = [place.first for place in results if isinstance(place, Place) and place.lines]
        if starts != sorted(starts):
            return False
        chance -= lgamma(len(starts) + 1)
    return chance < log(CHANCE)


def as_many(hunks: Sequence[Hunk], results: Sequence[Result]) -> list[Result]:
    """The same change told as often as there are places for it is meant for all of them."""
    found = list(results)
    same: dict[tuple[str, ...], list[int]] = {}
    for at, hunk in enumerate(hunks):
        same.setdefault(hunk.lines, []).append(at)
    for group in same.values():
        result = found[group[0]]
        if len(group) > 1 and isinstance(result, Unplaced) and len(result.places) == len(group):
            apart = all(a.last < b.first for a, b in pairwise(result.places))
            for at, place in zip(group, result.places, strict=True) if apart else ():
                found[at] = replace(place, step="order of hunks")
    return found


def by_order(
    hunks: Sequence[Hunk], results: Sequence[Result], file: TextFile, takes_first: bool = False
) -> list[Result]:
    """Hunks that fit in several places go between their neighbours, if the others come in the order of the file.

    `takes_first`: the format's rule is the first place that fits; it is kept if nothing seems to be lost.
    """
    found = list(results)
    starts = [place.first for place in found if isinstance(place, Place) and place.lines]
    if starts != sorted(starts):
        return found
    takes_first = takes_first and all(isinstance(each, Place) or each.places for each in found)
    for at, result in enumerate(found):
        if isinstance(result, Unplaced) and 0 < len(result.places) < ENOUGH:
            found[at] = _between(found, at, result, hunks[at], file, takes_first)
    return found


def _between(
    found: Sequence[Result], at: int, result: Unplaced, hunk: Hunk, file: TextFile, takes_first: bool
) -> Result:
    file.work.spend(len(found))
    low = max((each.last + 1 for each in found[:at] if isinstance(each, Place) and each.lines), default=0)
    ahead = [each.first for each in found[at + 1 :] if isinstance(each, Place) and each.lines]
    high = min(ahead, default=len(file.lines))
    fitting = [place for place in result.places if place.first >= low and place.last < high]
    if len(fitting) == 1:
        return replace(fitting[0], step="order of hunks")
    if fitting and takes_first and _has_all_context(hunk, fitting[0], file):
        return replace(fitting[0], step="first after the hunk above")
    return result


def _has_all_context(hunk: Hunk, place: Place, file: TextFile) -> bool:
    """The format's own rule is the first place that fits; it is only kept for a hunk that nothing was lost of."""
    tags = "".join(line[0] for line in hunk.lines)
    above, below = len(tags) - len(tags.lstrip(" ")), len(tags) - len(tags.rstrip(" "))
    return place.step == "exact" and (
        (above >= ENOUGH_CONTEXT or place.first == 0)
        and (below >= ENOUGH_CONTEXT or place.last == len(file.lines) - 1)
    )


def below_anchors(places: list[Place], anchors: Sequence[str], file: TextFile) -> list[Place]:
    """The places below the lines that an @@ line names: of several, the first in the block that such a line opens."""
    ends = _anchors(anchors, file)
    if not ends:
        raise Unplaced(f"the line of its `@@ {anchors[-1]}` is nowhere in the file")
    below = [place for place in places if ends[0] <= place.first]
    if places and not below:
        raise Unplaced(
            f"it does not stand below the line of its `@@ {anchors[-1]}`", [p.first for p in places]
        )
    if len(below) < 2:
        return below
    firsts, low = [], -1
    for place in sorted(below, key=lambda place: place.first):
        opening = ends[bisect_right(ends, low) : bisect_right(ends, place.first)]
        firsts += [place] if any(_in_block(end, place, file) for end in opening) else []
        low = place.first
    return firsts if len(firsts) == 1 else below


def _anchors(anchors: Sequence[str], file: TextFile) -> list[int]:
    """Where a chain of anchors can end: each below the one before it."""
    ends = [-1]
    for anchor in anchors:
        ends = [line for line in _lines_like(anchor, file) if ends and line > ends[0]]
    return ends


def _lines_like(anchor: str, file: TextFile) -> list[int]:
    """The same line, or the same but for blanks, or one that starts so."""
    bare = file.view(str.strip)
    if found := file.view(without_end).where(anchor) or bare.where(anchor.strip()):
        file.work.spend(2 * len(found))
        return found
    file.work.spend(len(file.lines))
    return [at for at, line in enumerate(bare.lines) if line.startswith(anchor.strip())]


def _in_block(start: int, place: Place, file: TextFile) -> bool:
    """True if all lines between stand deeper than the block's first, as in most languages."""
    file.work.spend(max(1, place.first - start))
    depth = _depth(file.lines[start])
    between = file.lines[start + 1 : place.first + 1]
    return all(not line.strip() or _depth(line) > depth for line in between)


def _depth(line: str) -> int:
    line = line.expandtabs()
    return len(line) - len(line.lstrip())
