"""A paragraph goes below an empty line: whoever adds text that ends with one begins where another ends."""

from __future__ import annotations

from collections.abc import Sequence

from agents.edits.placing.likely import depth
from agents.edits.placing.place import Place
from agents.edits.textfile import TextFile


def below_empty_line(places: Sequence[Place], file: TextFile) -> list[Place]:
    """The only one of several places where what they put differently stands as paragraphs; none if that can't tell."""
    same = set.intersection(*(set(place.inserted) for place in places))
    found = [
        place
        for place in places
        if all(_is_paragraph(lines, spot, file) for spot, lines in {*place.inserted} - same)
    ]
    return found if len(found) == 1 else []


def _is_paragraph(lines: Sequence[str], spot: int, file: TextFile) -> bool:
    """Text that ends with an empty line, below another one and no deeper than what follows."""
    is_one = bool(lines[0].strip()) and not lines[-1].strip()
    is_below_empty = spot > 0 and not file.lines[spot - 1].strip()
    return (
        is_one and is_below_empty and (spot == len(file.lines) or depth(lines[0]) <= depth(file.lines[spot]))
    )
