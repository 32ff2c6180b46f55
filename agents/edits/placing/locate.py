"""Where a hunk goes in a file: from strict to tolerant, and never a guess between two places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from agents.edits.changes import Hunk
from agents.edits.placing.edges import anchored
from agents.edits.placing.fuzzy import alignments, alike
from agents.edits.placing.order import below_anchors
from agents.edits.placing.paragraph import below_empty_line
from agents.edits.placing.place import Place, Unplaced, told_by
from agents.edits.placing.sameness import (
    MARKS,
    exactly,
    without_blanks,
    without_end,
    without_marks,
    without_trail,
)
from agents.edits.placing.section import below_section
from agents.edits.textfile import TextFile, View

Mapping = Sequence[int | None]  # for each old line of a hunk its line in the file


Step = tuple[str, Callable[[str], str], bool]
STEPS: list[Step] = [
    ("exact", exactly, False),
    ("line ends", without_end, False),
    ("trailing whitespace", without_trail, False),
    ("typographic marks", without_marks, False),
    ("context", without_trail, True),
    ("whitespace", without_blanks, False),
    ("whitespace and context", without_blanks, True),
]


def place(hunk: Hunk, file: TextFile, trust_line: bool = True) -> Place:
    """The one place of this hunk in the file."""
    if not hunk.old:
        return _without_context(hunk, file)
    for name, normalise, fuzzy in STEPS:
        view = file.view(normalise)
        old = [normalise(line) for line in hunk.old]
        if fuzzy:
            found = _different(alignments(hunk, old, view), hunk, name)
        else:
            hint = hunk.line if trust_line and normalise is not without_blanks else None
            found = _together(hunk, old, view, name, hint)
        found = _narrowed(hunk, found, file)
        if len(found) > 1 and len({place.first for place in found}) > 1:
            told = below_section(hunk, found, file)
            found = [told_by("function line", place) for place in told] or found
        elif len(found) > 1:
            found = below_empty_line(found, file) or found
        if len(found) == 1:
            if normalise is without_marks:
                _check_marks(hunk, found[0], file)
            return anchored(hunk, found[0], file, hunk.open and not fuzzy)
        if found:
            raise _ambiguous(found)
    raise Unplaced("its unchanged and removed lines are nowhere in the file")


def _check_marks(hunk: Hunk, found: Place, file: TextFile) -> None:
    """What takes the place of a line with such marks would lose them."""
    lost = [file.lines[at] for at in found.removed if file.lines[at] != file.lines[at].translate(MARKS)]
    if any(alike(line, old.translate(MARKS), file.work) for line in hunk.added for old in lost):
        raise Unplaced(
            "it has plain quotes, dashes or blanks where the file has typographic ones", found.removed
        )


def _together(hunk: Hunk, old: list[str], view: View, step: str, hint: int | None) -> list[Place]:
    """Where the old lines stand together; only a hint that hits one of these places decides between them."""
    starts = [hint - 1] if hint is not None and view.has_at(old, hint - 1) else view.find(old)
    moved = hunk.line is not None and starts != [hunk.line - 1]
    step = "line numbers" if moved and step == "exact" else step
    return [lay(hunk, range(start, start + len(old)), step) for start in starts]


def _narrowed(hunk: Hunk, found: list[Place], file: TextFile) -> list[Place]:
    """The places that agree with what the format says beside the lines."""
    if hunk.at_end:
        found = [place for place in found if place.last == len(file.lines) - 1] or found
    if not (found and hunk.anchors):
        return found
    return below_anchors(found, hunk.anchors, file)


def _ambiguous(found: list[Place]) -> Unplaced:
    starts = {place.first for place in found}
    if len(starts) == 1:
        return Unplaced(
            "an unchanged line is missing beside its added lines: they may go before or after it", starts
        )
    return Unplaced("several places fit", starts, found)


def _without_context(hunk: Hunk, file: TextFile) -> Place:
    if file.lines and (hunk.anchors or not hunk.open):
        raise Unplaced("it has no unchanged or removed line that says where it goes")
    return Place("exact", (), frozenset(), ((len(file.lines), hunk.new),))


def _different(mappings: Iterable[Mapping], hunk: Hunk, step: str) -> list[Place]:
    """The places that differ in what they do."""
    found: dict[object, Place] = {}
    for mapping in mappings:
        if _is_torn(hunk, mapping):
            raise Unplaced("the file has a line amid those that it replaces", [mapping[0] or 0])
        for late in (False, True):
            candidate = lay(hunk, mapping, step, late)
            found.setdefault((candidate.removed, candidate.inserted), candidate)
    return list(found.values())


def _is_torn(hunk: Hunk, mapping: Mapping) -> bool:
    """True if the file has more lines between removed ones: what takes their place may go before or after these."""
    at = 0
    for tag, group in groupby(hunk.lines, key=lambda line: line[0] == " "):
        lines = list(group)
        old = sum(line[0] != "+" for line in lines)
        part = [n for n in mapping[at : at + old] if n is not None]
        at += old
        if not tag and old < len(lines) and part and part[-1] - part[0] >= len(part):
            return True
    return False


def lay(hunk: Hunk, mapping: Mapping, step: str, late: bool = False) -> Place:
    """Lays a hunk over the file. Beside lines that it lacks an insertion may go before or (`late`) after them."""
    removed: set[int] = set()
    inserted: dict[int, list[str]] = {}
    at = 0
    gone: list[str] = []  # the removed lines right above
    for tag, group in groupby(hunk.lines, key=lambda line: line[0]):
        lines = [line[1:] for line in group]
        if tag == "+":
            inserted.setdefault(_spot(mapping, at, late and not _replaces(lines, gone)), []).extend(lines)
            continue
        gone = lines if tag == "-" else []
        removed.update(mapping[n] or 0 for n in range(at, at + len(lines)) if tag == "-")
        at += len(lines)
    merged: dict[int, list[str]] = {}
    above, start = -1, -1  # the spot before, and where that went
    for spot, lines in sorted(inserted.items()):
        at = spot
        while at != above and at - 1 in removed:
            at -= 1  # before or after a removed line is the same place
        above, start = spot, start if at == above else at
        merged.setdefault(start, []).extend(lines)
    places = tuple((spot, tuple(lines)) for spot, lines in sorted(merged.items()))
    return Place(step, tuple(mapping), frozenset(removed), places)


def _replaces(lines: list[str], gone: list[str]) -> bool:
    """True if added lines take the place of the removed ones right above, as a diff has the old lines first.

    If they are more, or the same again, an unchanged line stood between some of them.
    """
    is_same = {*map(without_blanks, lines)} & {*map(without_blanks, gone)}
    return bool(gone) and len(lines) <= len(gone) + 1 and not is_same


def _spot(mapping: Mapping, at: int, late: bool) -> int:
    before = next((n + 1 for n in map(mapping.__getitem__, range(at - 1, -1, -1)) if n is not None), None)
    after = next((n for n in map(mapping.__getitem__, range(at, len(mapping))) if n is not None), None)
    first, second = (after, before) if late else (before, after)
    spot = first if first is not None else second
    return spot or 0
