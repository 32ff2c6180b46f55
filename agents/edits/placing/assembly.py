"""Puts placed hunks together to the new text of a file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from agents.edits.changes import Hunk
from agents.edits.lines import BOM
from agents.edits.placing.place import Place, is_exact
from agents.edits.textfile import TextFile, to_bytes

Placed = Sequence[tuple[Hunk, Place]]


class Added(NamedTuple):
    """A new line, and whether its end was made to fit."""

    text: str
    adapted: bool = False


def assemble(file: TextFile, placed: Placed) -> bytes:
    """The new bytes. Unchanged lines stay the file's own, whatever the hunk's context says."""
    removed = {line for _, place in placed for line in place.removed}
    inserted: dict[int, list[Added]] = {}
    for _, place in placed:
        whole = _with_ends(place, file)
        for spot, lines in place.inserted:
            inserted.setdefault(spot, []).extend(_with_end(line, spot, place, file, whole) for line in lines)
    found: list[str] = []
    at, tail = 0, None  # the next line of the file, and the one that stands last in what was found
    for spot in sorted(removed | inserted.keys()):
        if at < spot:
            found += file.lines[at:spot]
            at, tail = spot, spot - 1
        if new := inserted.get(spot):
            found += [line.text for line in new]
            tail = None
        at += spot in removed
    if at < len(file.lines):
        found += file.lines[at:]
        tail = len(file.lines) - 1
    newline = _final_newline(file, placed, removed, tail)
    ends = inserted.get(len(file.lines), [])
    if ends and file.crlf and not file.final_newline and len(file.lines) - 1 not in removed:
        found[-1 - len(ends)] += "\r"  # the file's last line has its \r only together with its \n
    if tail is None and found and not newline and _last(inserted).adapted:
        found[-1] = found[-1].removesuffix("\r")
    if found and _has_hidden_mark(file, placed) and not found[0].startswith(BOM):
        found[0] = BOM + found[0]
    return to_bytes(found, newline)


def _has_hidden_mark(file: TextFile, placed: Placed) -> bool:
    """True if the file starts with a byte order mark that no hunk tells of: models don't see it."""
    told = (hunk.old[0] for hunk, place in placed if hunk.old and place.first == 0)
    return (
        bool(file.lines) and file.lines[0].startswith(BOM) and not any(line.startswith(BOM) for line in told)
    )


def _last(inserted: dict[int, list[Added]]) -> Added:
    return inserted[max(spot for spot, lines in inserted.items() if lines)][-1]


def _with_ends(place: Place, file: TextFile) -> list[int]:
    """The lines of a place that show how lines end in the file; its last one may have no end."""
    last = len(file.lines) - 1
    return [at for at in place.lines if at is not None and (at != last or file.final_newline)]


def _with_end(line: str, spot: int, place: Place, file: TextFile, whole: Sequence[int]) -> Added:
    """A hunk that matched to the byte knows the line ends; else a new line ends as its neighbour does."""
    knows = whole or (place.lines and file.lines[-1].endswith("\r"))
    if not file.lines or (is_exact(place) and (knows or line.endswith("\r"))):
        return Added(line)
    below = bisect_left(whole, spot)
    neighbour = min(whole[max(0, below - 1) : below + 1], key=lambda at: abs(at - spot), default=None)
    crlf = file.crlf if neighbour is None else file.lines[neighbour].endswith("\r")
    return Added(line.removesuffix("\r") + "\r" * crlf, adapted=crlf)


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
