"""A file that git could not merge: the text that is agreed on, and the regions that are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from state.records import Task

Lines = tuple[bytes, ...]
Kind = Literal["edit/edit", "both add", "edit/delete"]


class Region(NamedTuple):
    """Lines that both sides changed, as the base and each side have them."""

    base: Lines
    ours: Lines
    theirs: Lines


@dataclass(frozen=True)
class Clash:
    """`ours` is the merged head, `theirs` the task. `by` names the resolvers that had a part in it so far.

    `others` gives the landed tasks that changed the file; asked for only where somebody wants to know.
    """

    path: str
    kind: Kind
    base: bytes
    ours: bytes
    theirs: bytes
    parts: tuple[Lines | Region, ...]
    task: Task | None = None
    others: Callable[[], Sequence[Task]] = field(default=tuple)
    by: tuple[str, ...] = ()

    @property
    def regions(self) -> list[Region]:
        return [part for part in self.parts if isinstance(part, Region)]

    @property
    def is_open(self) -> bool:
        return any(isinstance(part, Region) for part in self.parts)

    @property
    def content(self) -> bytes:
        return b"".join(line for part in self.parts if not isinstance(part, Region) for line in part)

    def fill(self, name: str, solve: Callable[[Region], Lines | None]) -> Clash:
        """With the regions that `solve` has an answer for closed, in the name of that resolver."""
        found = [solve(part) if isinstance(part, Region) else None for part in self.parts]
        if all(lines is None for lines in found):
            return self
        parts = [part if lines is None else lines for part, lines in zip(self.parts, found, strict=True)]
        return replace(self, parts=tuple(parts), by=(*self.by, name))


def lines_of(data: bytes) -> Lines:
    """Only a line feed ends a line; each keeps its own."""
    return tuple(re.findall(rb"[^\n]*\n|[^\n]+", data))


def joined(*pieces: Sequence[bytes]) -> Lines:
    """One after the other; a last line without a line feed gets one if something follows it."""
    found: list[bytes] = []
    for piece in filter(None, pieces):
        if found and not found[-1].endswith(b"\n"):
            found[-1] += b"\n"
        found += piece
    return tuple(found)
