"""Finds a hunk some of whose context lines are wrong, missing or too many; removed lines must all be right."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from agents.edits.changes import Hunk
from agents.edits.textfile import View
from agents.edits.work import Work

MOST_WRONG = 2
MOST_PLACES = 200
MOST_LETTERS = 500
MOST_LINES = 400  # an answer must not keep us busy for long

Link = tuple["Link | None", "int | None"]


def alignments(hunk: Hunk, old: list[str], view: View) -> list[list[int | None]]:
    """All ways to lay the hunk's old lines over the file with the fewest wrong context lines."""
    context = [line[0] == " " for line in hunk.lines if line[0] != "+"]
    unknown = [at for at, line in enumerate(old) if not view.where(line)]
    if len(old) > MOST_LINES or len(unknown) > MOST_WRONG or not all(context[at] for at in unknown):
        return []
    told = sum(bool(line.strip()) for line in old)
    for wrong in range(1, min(MOST_WRONG, told // 2) + 1):
        found = [
            way for start in _starts(old, view, wrong) for way in _ways(old, context, view, start, wrong)
        ]
        if found:
            return found
    return []


def _starts(old: list[str], view: View, wrong: int) -> list[int]:
    """Lines where the hunk may begin: of any `wrong + 1` of its lines one is right."""
    rarest = sorted(range(len(old)), key=lambda at: len(view.where(old[at])) or len(view.lines))
    known = [at for at in rarest if view.where(old[at])][: wrong + 1]
    if sum(len(view.where(old[at])) for at in known) > MOST_PLACES:
        return []
    shifts = range(-wrong, wrong + 1)
    found = {place - at + shift for at in known for place in view.where(old[at]) for shift in shifts}
    return sorted(start for start in found if 0 <= start < len(view.lines))


def _ways(
    old: list[str], context: list[bool], view: View, start: int, wrong: int
) -> Iterator[list[int | None]]:
    todo: list[tuple[int, int, int, Link | None]] = [(0, start, wrong, None)]
    while todo:
        view.work.spend(5)
        at, line, left, way = todo.pop()
        if at == len(old):
            if left == 0:
                yield _unlinked(way)
            continue
        real = view.lines[line] if line < len(view.lines) else None
        if real == old[at]:
            todo.append((at + 1, line + 1, left, (way, line)))
        if not left:
            continue
        if context[at]:
            todo.append((at + 1, line, left - 1, (way, None)))
            if real is not None and real != old[at] and alike(real.strip(), old[at].strip(), view.work):
                todo.append((at + 1, line + 1, left - 1, (way, line)))
        if at and real is not None:
            todo.append((at, line + 1, left - 1, way))


def alike(one: str, two: str, work: Work, least: float = 0.6) -> bool:
    """True if two lines are mostly the same text; long ones would take too long to tell."""
    if max(len(one), len(two)) > MOST_LETTERS:
        return False
    matcher = SequenceMatcher(None, one, two, autojunk=False)
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return False
    work.spend(len(one) * len(two) // 5)
    return matcher.ratio() >= least


def _unlinked(way: Link | None) -> list[int | None]:
    found: list[int | None] = []
    while way:
        found.append(way[1])
        way = way[0]
    return found[::-1]
