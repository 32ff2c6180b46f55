"""What to tell the author of a hunk that has no place: why, and what really stands there."""

from __future__ import annotations

from collections import Counter

from agents.edits.changes import Hunk
from agents.edits.placing.place import Unplaced
from agents.edits.placing.sameness import without_blanks
from agents.edits.textfile import TextFile, View

MOST_LINES = 12
MOST_PLACES = 4
MOST_VOTERS = 200


def explain(path: str, number: int, hunk: Hunk, file: TextFile, problem: Unplaced) -> str:
    """One hunk's failure, with the nearest real lines and their numbers."""
    head = f"{path}, hunk {number}: {problem}"
    if problem.lines:
        if len(problem.lines) > 1:
            where = ", ".join(str(line + 1) for line in problem.lines[:MOST_PLACES])
            head += f" (lines {where}); add unchanged lines until only one fits"
        starts = problem.lines[:MOST_PLACES]
    else:
        starts = [_nearest(hunk, file.view(without_blanks))]
        if _is_there_already(hunk, file.view(without_blanks)):
            head += "; its new lines are there already"
    length = min(MOST_LINES, max(len(hunk.old) + 2, 5))
    shown = [_numbered(file, start, length) for start in starts]
    return f"{head}. The file has:\n" + "\n  ...\n".join(text for text in shown if text)


def _nearest(hunk: Hunk, view: View) -> int:
    """Where most of the hunk's lines stand in the right distance from each other; near its line number if none do."""
    votes: Counter[int] = Counter()
    for at, line in enumerate(map(view.normalise, hunk.old[:MOST_VOTERS])):
        places = view.where(line)
        for place in places[:100] if line else ():
            votes[max(0, place - at)] += 1 if len(places) > 3 else 3
    hinted = max(0, (hunk.line or 1) - 1)
    if not votes:
        return min(hinted, max(0, len(view.lines) - 1))
    return min(votes, key=lambda start: (-votes[start], abs(start - hinted)))


def _is_there_already(hunk: Hunk, view: View) -> bool:
    new = [view.normalise(line) for line in hunk.new]
    return bool(new) and hunk.old != hunk.new and bool(view.find(new))


def _numbered(file: TextFile, start: int, length: int) -> str:
    lines = file.lines[start : start + length]
    text = "\n".join(f"{start + n:5d}| {line.rstrip()[:300]}" for n, line in enumerate(lines, 1))
    return text.encode(errors="surrogateescape").decode(errors="replace")
