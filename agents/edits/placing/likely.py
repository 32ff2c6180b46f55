"""How likely an indentation is in a file, and which readings of lines below each other are the likeliest together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from agents.edits.placing.place import Unplaced

RULE = 10  # times as likely as all other readings together: certain enough
BACK_OFF = 5.0  # lines of a kind that have to be seen to say more than all others
OWN = 0.03  # share of new lines that follow habits of their own
NONE: Counter[Any] = Counter()
Link = tuple[str, int, str]
ANY: Link = ("any", 0, "")


def indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def columns(indentation: str) -> int:
    return len(indentation.expandtabs())


def width(indentation: str) -> str:
    """What stays the same when tabs and groups of four blanks are swapped."""
    return indentation.replace("\t", "    ")


def depth(line: str) -> int:
    """How far a line stands to the right, whichever tabs and groups of four blanks of it are swapped."""
    return len(width(indent(line)))


def swapped(way: str) -> str:
    """What becomes of an indentation when tabs and groups of four blanks are swapped."""
    if "\t" in way:
        return width(way)
    groups = len(way) // 4
    return "\t" * groups + way[4 * groups :]


def link(above: str, below: str) -> Link:
    """How two lines meet: how the upper one ends, if it leaves a bracket open or closes one, how the lower begins."""
    opened = sum(map(above.count, "([")) - sum(map(above.count, ")]"))
    start = below.lstrip()[:1]
    return above.rstrip()[-1:], (opened > 0) - (opened < 0), "" if start.isalnum() else start


class Seen:
    """How a file's lines are indented: all of them, those below a line of some kind, those with the same text."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.ways: dict[str, Counter[str]] = defaultdict(Counter)
        self.after: dict[tuple[str, Link], Counter[Any]] = defaultdict(Counter)
        self.deeper: dict[Link, Counter[Any]] = defaultdict(Counter)
        self.forms: dict[int, Counter[Any]] = defaultdict(Counter)
        self.inside: Counter[str] = Counter()
        self.bodies: dict[str, set[str]] = {}
        above = ""
        for line in lines:
            if body := line.strip():
                way = indent(line)
                self.ways[width(way)][way] += 1
                self.bodies.setdefault(body, set()).add(way)
                met = link(above, line)
                self.after[indent(above), met][way] += 1
                self.forms[columns(way)][way] += 1
                for each in (met, ANY):
                    self.deeper[each][columns(way) - columns(indent(above))] += 1
                self.inside["\t" if "\t" in body else "    " if "    " in body else ""] += 1
                above = line

    def chance(self, above: str, met: Link, way: str) -> float:
        """How likely a line below one indented so is indented like this: as seen there, or as much deeper elsewhere."""
        after, last = self.after.get((above, met), NONE), self.deeper.get(met, NONE)
        shift = columns(way) - columns(above)
        anywhere = (self.deeper[ANY][shift] + 0.1) / (self.deeper[ANY].total() + 5)
        step = (last[shift] + BACK_OFF * anywhere) / (last.total() + BACK_OFF)
        forms = self.forms.get(columns(way), NONE)
        form = (forms[way] + 0.05) / (forms.total() + 0.1)
        return OWN / 2 + (1 - OWN) * (after[way] + BACK_OFF * step * form) / (after.total() + BACK_OFF)


def most_likely(
    choices: Sequence[tuple[str, list[str]]], above: str, below: str, rate: float, seen: Seen
) -> list[str]:
    """For each line the reading that is by far the likeliest, seen from the lines above and below it."""
    lines = [above, *(line for line, _ in choices), below]
    links = [link(*pair) for pair in pairwise(lines)]
    downward, last = [], {indent(above): 1.0}
    for (line, ways), met in zip(choices, links, strict=False):
        last = {
            way: share(way, indent(line), rate)
            * sum(p * seen.chance(one, met, way) for one, p in last.items())
            for way in ways
        }
        last = _normal(last)
        downward.append(last)
    upward = {way: seen.chance(way, links[-1], indent(below)) if below else 1.0 for way in last}
    found: list[str] = []
    for at in range(len(choices) - 1, -1, -1):
        whole = {way: p * upward[way] for way, p in downward[at].items()}
        best = max(whole, key=lambda way: whole[way])
        if whole[best] < RULE * (sum(whole.values()) - whole[best]):
            raise Unplaced("it mixes tabs and blanks up, and the file has both")
        found.append(best)
        if at:
            said, met = indent(choices[at][0]), links[at]
            upward = _normal(
                {
                    one: sum(
                        share(way, said, rate) * seen.chance(one, met, way) * p for way, p in upward.items()
                    )
                    for one in choices[at - 1][1]
                }
            )
    return found[::-1]


def share(way: str, said: str, rate: float) -> float:
    return 1 - rate if way == said else rate


def _normal(chances: dict[str, float]) -> dict[str, float]:
    total = sum(chances.values()) or 1.0
    return {way: p / total for way, p in chances.items()}
