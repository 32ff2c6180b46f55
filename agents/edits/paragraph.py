"""A paragraph goes below an empty line: whoever adds text that ends with one begins where another ends."""

from __future__ import annotations

from collections.abc import Sequence

from agents.edits.place import Place
from agents.edits.textfile import TextFile


def below_empty_line(places: Sequence[Place], file: TextFile) -> list[Place]:
    """The only one of several places where what they put differently stands as paragraphs; none if that can't tell."""
    same = set.intersection(*(set(place.inserted) for place in places))
    found = [
        place
        for place in places
        if all(
            _is_paragraph(lines) and _is_below_empty(spot, file) for spot, lines in {*place.inserted} - same
        )
    ]
    return found if len(found) == 1 else []


def _is_paragraph(lines: Sequence[str]) -> bool:
    return bool(lines[0].strip()) and not lines[-1].strip()


def _is_below_empty(spot: int, file: TextFile) -> bool:
    return spot > 0 and not file.lines[spot - 1].strip()
