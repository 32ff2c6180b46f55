"""How a file indents, and what an added line with swapped tabs and blanks most likely meant there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property

from agents.edits.fuzzy import alike
from agents.edits.place import Unplaced
from agents.edits.work import Work

RULE = 30  # times as likely as all other readings together: certain enough

MOST_MODELS = 50  # removed lines that an added one is compared with
DOUBT = 0.1  # how likely a line is damaged as long as too few lines were seen to know


def indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def width(indentation: str) -> str:
    """What stays the same when tabs and groups of four blanks are swapped."""
    return indentation.replace("\t", "    ")


def swapped(way: str) -> str:
    """What becomes of an indentation when tabs and groups of four blanks are swapped."""
    if "\t" in way:
        return width(way)
    groups = len(way) // 4
    return "\t" * groups + way[4 * groups :]


class Seen:
    """How a file's lines are indented: all of them, those below a line of some kind, those with the same text."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.ways: dict[str, Counter[str]] = defaultdict(Counter)
        self.after: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.inside: Counter[str] = Counter()
        self.bodies: dict[str, set[str]] = {}
        above = ""
        for line in lines:
            if body := line.strip():
                way = indent(line)
                self.ways[width(way)][way] += 1
                self.bodies.setdefault(body, set()).add(way)
                self.after[_kind(above)][way] += 1
                self.inside["\t" if "\t" in body else "    " if "    " in body else ""] += 1
                above = line


class Style:
    """The ways to indent in a file, and which of them follow a line like the one above."""

    def __init__(self, lines: Sequence[str], work: Work) -> None:
        self.lines = lines
        self.work = work

    @cached_property
    def seen(self) -> Seen:
        self.work.spend(5 * len(self.lines))
        return Seen(self.lines)

    def restored(self, line: str, above: str, removed: Sequence[str], rate: float) -> str:
        """The line as meant below the line above, in place of the removed ones, when this share of lines is damaged."""
        body, way = line.lstrip(" \t").rstrip(), indent(line)
        if not body or "\t" in body:
            return line  # all tabs of a line are swapped together
        if not rate:
            self._check_inside(body, DOUBT, 1)
            return self._unless_foreign(line, way, above)
        if twin := self._twin(body, way):
            return twin + line[len(way) :]
        models = [old for old in removed[:MOST_MODELS] if _replaces(line, old, self.work)]
        if len({indent(old) for old in models}) > 1:
            raise Unplaced("its removed lines are indented in two ways")
        if model := next(iter(models), None):
            if "\t" in model.strip() and "    " in body:
                raise Unplaced("its added lines may have lost tabs")
            return indent(model) + line[len(way) :]
        if "\t" not in way:
            self._check_inside(body, rate, RULE)
        return self._meant(way, above, rate) + line[len(way) :]

    def _twin(self, body: str, way: str) -> str | None:
        """How the same text is indented elsewhere, if it is so everywhere."""
        ways = [one for one in self.seen.bodies.get(body, ()) if way in (one, swapped(one))]
        if len(ways) > 1:
            raise Unplaced("the same line stands in the file with tabs and with blanks")
        return ways[0] if ways and way else None

    def _unless_foreign(self, line: str, way: str, above: str) -> str:
        best, odds = self._reading(way, above, DOUBT)
        if best != way and odds >= RULE:
            raise Unplaced(f"its added lines are indented by {way!r}, the file's by {best!r}")
        return line

    def _check_inside(self, body: str, rate: float, rule: float) -> None:
        if "    " in body and (1 - rate) * self.seen.inside["    "] < rule * rate * self.seen.inside["\t"]:
            raise Unplaced("its added lines may have lost tabs")

    def _meant(self, way: str, above: str, rate: float) -> str:
        best, odds = self._reading(way, above, rate)
        if odds < RULE:
            raise Unplaced("it mixes tabs and blanks up, and the file has both")
        return best

    def _reading(self, way: str, above: str, rate: float) -> tuple[str, float]:
        """The most likely original of an indentation, and how much more likely it is than all others."""
        if "    " not in width(way):
            return way, float("inf")
        known = self.seen.ways.get(width(way), Counter[str]())
        after = self.seen.after.get(_kind(above), Counter[str]())
        total = known.total() + 1
        readings = {one for one in {*known, swapped(way)} if swapped(one) == way} - {way}
        chances = {one: rate * (after[one] + (known[one] + 0.1) / total) for one in readings}
        chances[way] = (1 - rate) * (after[way] + (known[way] + 0.1) / total)
        best = max(chances, key=lambda one: chances[one])
        others = sum(chances.values()) - chances[best]
        return best, chances[best] / others if others else float("inf")


def _kind(line: str) -> tuple[str, str]:
    """What tells how the next line is indented: this one's indentation, and how it ends."""
    return indent(line), line.rstrip()[-1:]


def _replaces(line: str, old: str, work: Work) -> bool:
    """True for a line that may be the old one's successor: as indented as that, or as that after a swap."""
    way = indent(old)
    return indent(line) in (way, swapped(way)) and alike(line.strip(), old.strip(), work, 0.7)
