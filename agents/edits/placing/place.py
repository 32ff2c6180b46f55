"""A place of a hunk in a file, or why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace


class Place(Struct, frozen=True):
    """What a hunk does to the lines of a file, counted from 0."""

    step: str
    lines: tuple[int | None, ...]
    removed: frozenset[int]
    inserted: tuple[tuple[int, tuple[str, ...]], ...]  # (before which line, what)

    @property
    def first(self) -> int:
        return min((n for n in self.lines if n is not None), default=0)

    @property
    def last(self) -> int:
        return max((n for n in self.lines if n is not None), default=0)


class Unplaced(Exception):
    """No place, or several; `lines` says which, `places` what would be done there."""

    def __init__(self, why: str, lines: Iterable[int] = (), places: Sequence[Place] = ()) -> None:
        super().__init__(why)
        self.lines = sorted(set(lines))
        self.places = places


EXACT = ("exact", "line numbers", "function line", "order of hunks", "first after the hunk above")


def told_by(step: str, place: Place) -> Place:
    """One of several places, and what told that it is this one, if nothing else had to be forgiven."""
    return replace(place, step=step) if is_exact(place) else place


def is_lossy(place: Place) -> bool:
    """True if the hunk had lost lines, or had some that the file lacks."""
    return place.step in ("context", "whitespace and context")


def is_exact(place: Place) -> bool:
    """True if the lines are the file's to the byte, wherever they were said to stand."""
    return place.step in EXACT
