"""What both numbers of an @@ line say together: a right pair fits to the hunks above it, a wrong one hardly ever."""

from __future__ import annotations

from collections.abc import Sequence

from agents.edits.changes import Hunk
from agents.edits.placing.order import Result
from agents.edits.placing.place import Place, Unplaced, told_by


def by_numbers(hunks: Sequence[Hunk], results: Sequence[Result]) -> list[Result]:
    """Of several places that fit a hunk takes the one that it names, if its numbers agree with the other hunks."""
    found = list(results)
    for at, result in enumerate(found):
        if isinstance(result, Unplaced):
            told = [place for place in result.places if _is_told(hunks[at], place, hunks, found)]
            if len(told) == 1:
                found[at] = told_by("line numbers", told[0])
    return found


def _is_told(hunk: Hunk, place: Place, hunks: Sequence[Hunk], results: Sequence[Result]) -> bool:
    """True if the lines that the hunks above add are those between the old number and the new one."""
    if hunk.line is None or hunk.new_line is None or place.lines[0] != hunk.line - 1:
        return False
    above = [
        len(other.new) - len(other.old)
        for other, result in zip(hunks, results, strict=True)
        if isinstance(result, Place) and result.first < place.first
    ]
    return hunk.new_line - hunk.line == sum(above)
