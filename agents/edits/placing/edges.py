"""What a hunk shows of the file beside its added lines, and whether that is enough."""

from __future__ import annotations

from itertools import takewhile

from agents.edits.changes import Hunk
from agents.edits.placing.likely import depth
from agents.edits.placing.place import Place, Unplaced
from agents.edits.textfile import TextFile


def anchored(hunk: Hunk, found: Place, file: TextFile, may_end_open: bool) -> Place:
    """Added lines at the edge of a hunk need the edge of the file or a right line number: context may be missing.

    If they may stand there by the hunk's format, a bracket below that closes what they are outside of is missing.
    """
    if may_end_open:
        if _has_lost_bracket(hunk, found, file):
            raise Unplaced("the closing bracket above its added lines is missing", {found.last})
        return found
    is_told = hunk.counted and hunk.line == (found.lines[0] or 0) + 1
    if has_open_end(hunk, found, file) and not is_told:
        raise Unplaced("unchanged lines are missing above or below its added lines", {found.lines[0] or 0})
    return found


def has_open_end(hunk: Hunk, found: Place, file: TextFile) -> bool:
    """True if lines are added beside what the hunk knows of the file."""
    if not found.lines:
        return False
    below = (found.lines[-1] or 0) + 1
    # Empty lines below a hunk may be its own, without their blank; the file's next line tells.
    is_closed = below >= len(file.lines) or (hunk.empty_below and not file.lines[below].strip())
    edges = [(hunk.lines[0], found.lines[0] == 0), (hunk.lines[-1], is_closed)]
    replaces = all(spot in found.removed for spot, _ in found.inserted)
    return not replaces and any(line[0] == "+" and not at_edge for line, at_edge in edges)


def _has_lost_bracket(hunk: Hunk, found: Place, file: TextFile) -> bool:
    """True if lines at the lower edge would stand at the end of a block, and are indented as if below it."""
    above, below = found.last, found.last + 1
    if not found.lines or above in found.removed or below >= len(file.lines):
        return False
    edge = list(takewhile(lambda line: line[0] == "+", reversed(hunk.lines)))
    first = next((line[1:] for line in reversed(edge) if line[1:].strip()), "")
    is_label = not first or first.rstrip().endswith(":") or first.lstrip()[0] in "#})]"
    bracket = file.lines[below]
    is_end = bracket.lstrip().startswith(("}", ")", "]")) and depth(file.lines[above]) > depth(bracket)
    return is_end and not is_label and depth(first) <= depth(bracket)
