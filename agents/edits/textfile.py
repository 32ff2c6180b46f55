"""A file as lines that can be searched, whatever bytes it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from agents.edits.work import Work

Normalise = Callable[[str], str]

ENOUGH = 20  # places; more of them don't make a hunk more ambiguous


class View:
    """The lines of a file seen through a normalisation."""

    def __init__(self, lines: Sequence[str], normalise: Normalise, work: Work) -> None:
        work.spend(2 * len(lines))
        self.work = work
        self.normalise = normalise
        self.lines = list(map(normalise, lines))

    @cached_property
    def index(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, line in enumerate(self.lines):
            found.setdefault(line, []).append(at)
        return found

    def where(self, line: str) -> list[int]:
        return self.index.get(line, [])

    def has_at(self, old: list[str], start: int) -> bool:
        return 0 <= start <= len(self.lines) - len(old) and self.lines[start : start + len(old)] == old

    def find(self, old: list[str]) -> list[int]:
        """The places where these lines stand, the first few of them."""
        rarest = min(range(len(old)), key=lambda at: len(self.where(old[at])))
        found: list[int] = []
        for start in (place - rarest for place in self.where(old[rarest])):
            if not 0 <= start <= len(self.lines) - len(old):
                continue
            self.work.spend(1 + len(old) // 8)  # a slice is faster than its lines one by one
            if self.has_at(old, start):
                found.append(start)
                if len(found) == ENOUGH:
                    break
        return found


class TextFile:
    """Lines without their \\n; a \\r stays, and bytes that are no UTF-8 survive as surrogates."""

    def __init__(self, data: bytes, work: Work | None = None) -> None:
        self.work = work or Work()
        self.lines = data.decode(errors="surrogateescape").split("\n")
        self.final_newline = not self.lines[-1]
        if self.final_newline:
            self.lines.pop()
        self.work.spend(len(self.lines))
        self._views: dict[Normalise, View] = {}

    def view(self, normalise: Normalise) -> View:
        if normalise not in self._views:
            self._views[normalise] = View(self.lines, normalise, self.work)
        return self._views[normalise]

    @cached_property
    def has_cr(self) -> bool:
        return any(line.endswith("\r") for line in self.lines)

    @cached_property
    def crlf(self) -> bool:
        """True if most lines end with \\r\\n."""
        return 2 * sum(line.endswith("\r") for line in self.lines) > len(self.lines)


def to_bytes(lines: Sequence[str], final_newline: bool) -> bytes:
    text = "\n".join(lines) + ("\n" if final_newline and lines else "")
    return text.encode(errors="surrogateescape")
