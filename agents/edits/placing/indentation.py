"""Indentation of added lines. Models swap tabs and blanks; what stands in the file shows how it was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from agents.edits.changes import Hunk
from agents.edits.placing.likely import indent, width
from agents.edits.placing.place import Place, Unplaced
from agents.edits.placing.sameness import without_blanks, without_trail
from agents.edits.placing.style import DOUBT, Style
from agents.edits.textfile import TextFile

CONVINCING = 3  # lines that could have been damaged and were not
DOUBTFUL = 16  # the same where something else is damaged
SWAPPABLE = re.compile(r" {4}|.*\t")


class Evidence(Struct):
    """How many old lines of an answer could show swapped tabs, and how many do."""

    seen: int = 0
    damaged: int = 0
    is_foreign: bool = False  # the answer's line ends are not the files': its blanks may not be, either

    def add(self, hunk: Hunk, place: Place, file: TextFile) -> None:
        for said, real in _pairs(hunk, place, file):
            self.seen += SWAPPABLE.match(real) is not None
            self.damaged += said != real and width(said) == width(real)

    @property
    def is_sound(self) -> bool:
        return not self.damaged and self.seen >= (DOUBTFUL if self.is_foreign else CONVINCING)

    @property
    def rate(self) -> float:
        prior = DOUBT if self.is_foreign and not self.is_sound else 0.0
        # Few lines say little: one of one is not all of them.
        return max(prior, (self.damaged + 0.6) / (max(self.seen, self.damaged) + 2) if self.damaged else 0.0)


def _pairs(hunk: Hunk, place: Place, file: TextFile) -> Iterator[tuple[str, str]]:
    """Old lines as said and as they are, where only blanks differ."""
    for said, at in zip(hunk.old, place.lines, strict=False):
        if at is not None and without_blanks(said) == without_blanks(file.lines[at]):
            yield without_trail(said), without_trail(file.lines[at])


def with_own_indentation(hunk: Hunk, place: Place, file: TextFile, evidence: Evidence, style: Style) -> Place:
    """The place with its added lines indented as the file would have them; raises Unplaced if that can't be told."""
    shift = _shift(hunk, place, file)
    removed = [file.lines[at] for at in sorted(place.removed)]
    inserted = []
    for spot, lines in place.inserted:
        above = next((file.lines[at] for at in range(spot - 1, -1, -1) if file.lines[at].strip()), "")
        below = next((file.lines[at] for at in _after(spot, place, file) if file.lines[at].strip()), "")
        lines = tuple(shift(line) for line in lines)
        inserted.append((spot, tuple(style.restored(lines, above, below, removed, evidence.rate))))
    return msgspec.structs.replace(place, inserted=tuple(inserted))


def _after(spot: int, place: Place, file: TextFile) -> Iterator[int]:
    return (at for at in range(spot, len(file.lines)) if at not in place.removed)


def doubt_of_new(text: str, evidence: Evidence) -> str | None:
    """Why a new file can't be taken as it is: nothing shows how its indentation was meant."""
    lines = text.split("\n")
    tabs = sum(indent(line).startswith("\t") or "\t" in line.strip() for line in lines)
    blanks = sum("    " in line for line in lines)
    if not evidence.rate or evidence.is_sound or not (tabs and blanks):
        return None
    return "a new file with tabs and groups of blanks, in an answer whose blanks are not the files'"


class _Shift(Struct):
    """All lines of a hunk stand too far left (`more`) or right (`less`)."""

    more: str = ""
    less: str = ""

    def __call__(self, line: str) -> str:
        if not line.strip() or not (self.more or self.less):
            return line
        if not line.startswith(self.less):
            raise Unplaced("its indentation is not the file's")
        return self.more + line.removeprefix(self.less)


def _shift(hunk: Hunk, place: Place, file: TextFile) -> _Shift:
    found = {
        _difference(indent(said), indent(real)) for said, real in _pairs(hunk, place, file) if said and real
    } or {("", "")}
    if len(found) > 1:
        raise Unplaced("its indentation is not the file's")
    return _Shift(*found.pop())


def _difference(said: str, real: str) -> tuple[str, str]:
    if width(said) == width(real):
        return "", ""
    if real.endswith(said):
        return real.removesuffix(said), ""
    return ("", said.removesuffix(real)) if said.endswith(real) else ("?", "?")
