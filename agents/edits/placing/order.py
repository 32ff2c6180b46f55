"""Where no line number helps: what stands above a hunk, and its place among the others, tell where it goes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import lgamma, log

from agents.edits.changes import Hunk
from agents.edits.placing.place import Place, Unplaced, told_by
from agents.edits.placing.sameness import without_end
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


def are_numbered_in_order(hunks: Sequence[Hunk]) -> bool:
    """True if the numbers in the @@ lines say so, right or not."""
    lines = [hunk.line for hunk in hunks]
    return len(lines) > 1 and all(a is not None and b is not None and a < b for a, b in pairwise(lines))


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
                found[at] = told_by("order of hunks", place)
    return found


def by_order(
    hunks: Sequence[Hunk], results: Sequence[Result], file: TextFile, takes_first: bool = False
) -> list[Result]:
    """Hunks that fit in several places go between their neighbours, if the others come in the order of the file.

    `takes_first`: the format's rule is the first place that fits; it is kept if nothing seems to be lost.
    """
    starts = [place.first for place in results if isinstance(place, Place) and place.lines]
    if starts != sorted(starts):
        return list(results)
    takes_first = takes_first and all(isinstance(each, Place) or each.places for each in results)
    found = []
    for result, hunk, (low, high) in zip(results, hunks, _rooms(results, file), strict=True):
        if isinstance(result, Unplaced):
            fitting = [place for place in _options(result) if place.first >= low and place.last < high]
            if len(fitting) == 1:
                result = told_by("order of hunks", fitting[0])
            elif fitting and takes_first and _has_all_context(hunk, fitting[0], file):
                result = told_by("first after the hunk above", fitting[0])
        found.append(result)
    return found


def _rooms(results: Sequence[Result], file: TextFile) -> list[tuple[int, int]]:
    """The lines between which each hunk must stand for all of them to be in order."""
    lows, highs = [0], [len(file.lines)]
    for result in results:
        lows.append(min((p.last + 1 for p in _options(result) if p.first >= lows[-1]), default=lows[-1]))
    for result in reversed(results):
        highs.append(max((p.first for p in _options(result) if p.last < highs[-1]), default=highs[-1]))
    return list(zip(lows, reversed(highs[:-1]), strict=False))


def _options(result: Result) -> Sequence[Place]:
    if isinstance(result, Place):
        return [result] if result.lines else []
    return result.places if len(result.places) < ENOUGH else []


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
