"""The line that git writes behind `@@`: the nearest one above the hunk that begins with a letter."""

from __future__ import annotations

from collections.abc import Sequence

from agents.edits.changes import Hunk
from agents.edits.placing.place import Place
from agents.edits.textfile import TextFile

CUT = 40  # letters from which on a name may have been cut off (git does so after 80 bytes)


def below_section(hunk: Hunk, places: Sequence[Place], file: TextFile) -> list[Place]:
    """The only one of several places that stands in the function named; none if that can't tell."""
    found = [place for place in places if _is_below(hunk.section, place.first, file)] if hunk.section else []
    return found if len(found) == 1 else []


def _is_below(section: str, start: int, file: TextFile) -> bool:
    file.work.spend(1 + start // 10)
    for at in range(start - 1, -1, -1):
        line = file.lines[at]
        if line[:1].isalpha() or line[:1] in ("_", "$"):
            line = line.rstrip()
            return line == section or (len(section) >= CUT and line.startswith(section))
    return False
