"""Puts placed hunks together to the new text of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agents.edits.changes import Hunk
from agents.edits.placing import Place, is_exact
from agents.edits.textfile import TextFile, to_bytes

Placed = Sequence[tuple[Hunk, Place]]


class Line(NamedTuple):
    """A line of the new text: where it was in the old one, or whether its end was made to fit."""

    text: str
    origin: int | None = None
    adapted: bool = False


def assemble(file: TextFile, placed: Placed) -> bytes:
    """The new bytes. Unchanged lines stay the file's own, whatever the hunk's context says."""
    removed = {line for _, place in placed for line in place.removed}
    inserted: dict[int, list[Line]] = {}
    for _, place in placed:
        for spot, lines in place.inserted:
            inserted.setdefault(spot, []).extend(_with_end(line, spot, place, file) for line in lines)
    found: list[Line] = []
    for at in range(len(file.lines) + 1):
        found += inserted.get(at, [])
        if at < len(file.lines) and at not in removed:
            found.append(Line(file.lines[at], at))
    newline = _final_newline(file, placed, removed, found[-1].origin if found else None)
    return to_bytes(_closed(file, found, newline), newline)


def _with_end(line: str, spot: int, place: Place, file: TextFile) -> Line:
    """A hunk that matched to the byte knows the line ends; else a new line ends as its neighbour does."""
    last = len(file.lines) - 1
    whole = [at for at in place.lines if at is not None and (at != last or file.final_newline)]
    knows = whole or any(file.lines[at].endswith("\r") for at in place.lines if at is not None)
    if not file.lines or (is_exact(place) and (knows or line.endswith("\r"))):
        return Line(line)
    neighbour = min(whole, key=lambda at: abs(at - spot), default=None)
    crlf = file.crlf if neighbour is None else file.lines[neighbour].endswith("\r")
    return Line(line.removesuffix("\r") + "\r" * crlf, adapted=crlf)


def _closed(file: TextFile, found: list[Line], newline: bool) -> list[str]:
    """In a CRLF file the last line has its \\r only together with its \\n."""
    lines = [line.text for line in found]
    if file.crlf and not file.final_newline:
        last = len(file.lines) - 1
        lines = [
            line.text + "\r" * (line.origin == last and at < len(found) - 1) for at, line in enumerate(found)
        ]
    if found and found[-1].adapted and not newline:
        lines[-1] = lines[-1].removesuffix("\r")
    return lines


def _final_newline(file: TextFile, placed: Placed, removed: set[int], tail: int | None) -> bool:
    last = len(file.lines) - 1
    for hunk, place in placed:
        if last in place.lines or not file.lines:
            if hunk.final_newline is not None:
                return hunk.final_newline
            if hunk.old == hunk.new and (last in removed or hunk.open):
                return True  # the same text again: what changed is the newline
    if tail is None and any(hunk.open for hunk, _ in placed):
        return True  # formats without `\ No newline` end new lines with one
    return True if tail not in (None, last) else file.final_newline


def clashes(placed: Placed) -> list[tuple[int, int]]:
    """Pairs of hunks that change the same lines, or insert at the same place."""
    owner: dict[int, int] = {}
    spots: dict[int, int] = {}
    found: set[tuple[int, int]] = set()
    for number, (_, place) in enumerate(placed):
        found |= {(owner[line], number) for line in place.removed if owner.setdefault(line, number) != number}
        found |= {
            (spots[spot], number) for spot, _ in place.inserted if spots.setdefault(spot, number) != number
        }
    for spot, number in spots.items():
        around = {owner.get(spot - 1), owner.get(spot)}
        found |= {(inside, number) for inside in around if len(around) == 1 and inside not in (None, number)}
    return sorted(found)
