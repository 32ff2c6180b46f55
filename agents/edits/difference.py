"""What differs between two lists of lines, found in bounded time: repeated lines make that a matter of minutes."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import Match, SequenceMatcher
from itertools import accumulate

Piece = tuple[int, int, int, int]  # old lines from-to, new lines from-to


def pieces(old: Sequence[str], new: Sequence[str], most: int, autojunk: bool = False) -> list[Piece]:
    """The parts that differ. After `most` steps it is all between the first and the last difference."""
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    middle = (start, len(old) - end, start, len(new) - end)
    a, b, c, d = middle
    if a == b or c == d:
        return [middle] if (a, c) != (b, d) else []
    try:
        opcodes = _Bounded(old[a:b], new[c:d], most, autojunk).get_opcodes()
    except _TooMuch:
        return [middle]
    return [(a + i, a + j, c + k, c + n) for kind, i, j, k, n in opcodes if kind != "equal"]


def _same(one: Sequence[str], two: Sequence[str]) -> int:
    """How many lines are the same at the start."""
    least = min(len(one), len(two))
    return next((at for at in range(least) if one[at] != two[at]), least)


class _TooMuch(Exception):
    pass


class _Bounded(SequenceMatcher[str]):
    def __init__(self, old: Sequence[str], new: Sequence[str], most: int, autojunk: bool) -> None:
        super().__init__(None, old, new, autojunk)
        self.left = most
        # What the search looks at for each old line: all new ones that are the same.
        self.costs = list(accumulate((1 + len(self.b2j.get(line, ())) for line in old), initial=0))  # type: ignore[attr-defined]

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        high = len(self.costs) - 1 if ahi is None else ahi
        self.left -= self.costs[high] - self.costs[alo]
        if self.left < 0:
            raise _TooMuch
        return super().find_longest_match(alo, high, blo, bhi)
