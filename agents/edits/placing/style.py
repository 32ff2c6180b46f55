"""What an added line with swapped tabs and blanks most likely meant in its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from agents.edits.placing.fuzzy import alike
from agents.edits.placing.likely import RULE, Seen, indent, link, most_likely, share, swapped, width
from agents.edits.placing.place import Unplaced
from agents.edits.work import Work

MOST_MODELS = 50  # removed lines that an added one is compared with
FOREIGN = 3  # times as likely as written: not to be taken as it is, though nothing else is damaged
DOUBT = 0.1  # how likely a line is damaged as long as too few lines were seen to know


class Style:
    """What added lines of a file most likely meant."""

    def __init__(self, lines: Sequence[str], work: Work) -> None:
        self.lines = lines
        self.work = work

    @cached_property
    def seen(self) -> Seen:
        self.work.spend(15 * len(self.lines))
        return Seen(self.lines)

    def restored(
        self, lines: Sequence[str], above: str, below: str, removed: Sequence[str], rate: float
    ) -> list[str]:
        """The lines as meant between those above and below, in place of the removed ones, if this share is damaged."""
        if not rate:
            for line in lines:
                self._check(line, above, removed)
                above = line if line.strip() else above
            return list(lines)
        _check_gaps([line.strip() for line in lines])
        told = [at for at, line in enumerate(lines) if line.strip()]
        choices = [(lines[at], self._readings(lines[at], removed, rate)) for at in told]
        found = list(lines)
        for at, way in zip(told, most_likely(choices, above, below, rate, self.seen), strict=True):
            found[at] = way + lines[at][len(indent(lines[at])) :]
        return found

    def _check(self, line: str, above: str, removed: Sequence[str]) -> None:
        """Nothing shows that the answer is damaged, but too few lines show that it isn't."""
        body, way = line.lstrip(" \t").rstrip(), indent(line)
        if not body or "\t" in body:
            return
        self._check_inside(body, removed, DOUBT, 1)
        if "    " in width(way):
            met = link(above, line)
            chances = {
                one: self.seen.chance(indent(above), met, one) * share(one, way, DOUBT)
                for one in self._known(way)
            }
            best = max(chances, key=lambda one: chances[one])
            if best != way and chances[best] >= FOREIGN * (sum(chances.values()) - chances[best]):
                raise Unplaced(f"its added lines are indented by {way!r}, the file's by {best!r}")

    def _readings(self, line: str, removed: Sequence[str], rate: float) -> list[str]:
        """The ways that its indentation may have been; one, if something else than likelihood tells."""
        body, way = line.lstrip(" \t").rstrip(), indent(line)
        if "\t" in body:
            return [way]  # all tabs of a line are swapped together
        twins = [one for one in self.seen.bodies.get(body, ()) if way in (one, swapped(one))]
        if len(twins) == 1 and way:
            return twins
        models = [old for old in removed[:MOST_MODELS] if _replaces(line, old, self.work)]
        if any(old.strip() == body for old in models):
            raise Unplaced("it removes and adds the same line, whose indentation may have been lost")
        if len({indent(old) for old in models}) > 1:
            raise Unplaced("its removed lines are indented in two ways")
        if model := next(iter(models), None):
            if "\t" in model.strip() and "    " in body:
                raise Unplaced("its added lines may have lost tabs")
            return [indent(model)]
        if "\t" not in way:
            self._check_inside(body, removed, rate, RULE)
        return self._known(way)

    def _known(self, way: str) -> list[str]:
        if "    " not in width(way):
            return [way]
        known = self.seen.ways.get(width(way), Counter[str]())
        if " \t" in way and not known[way]:  # what git calls an error, too; nobody means it
            if not known:
                raise Unplaced("a blank stands before a tab in its indentation")
            return list(known)
        return [way, *({one for one in {*known, swapped(way)} if swapped(one) == way} - {way})]

    def _check_inside(self, body: str, removed: Sequence[str], rate: float, rule: float) -> None:
        if "    " not in body:
            return
        behind_tab = (part for old in removed[:MOST_MODELS] for part in old.strip().split("\t")[1:] if part)
        is_rare = (1 - rate) * self.seen.inside["    "] < rule * rate * self.seen.inside["\t"]
        if is_rare or any(body.endswith(f"    {part}") for part in behind_tab):
            raise Unplaced("its added lines may have lost tabs")


def _check_gaps(bodies: Sequence[str]) -> None:
    """Tabs inside of some lines, and blanks behind the same text in others: all of them may have been tabs."""
    heads = {body.split("\t")[0] for body in bodies if "\t" in body}
    if any("\t" not in body and body.split("    ")[0] in heads for body in bodies if "    " in body):
        raise Unplaced("its added lines may have lost tabs")


def _replaces(line: str, old: str, work: Work) -> bool:
    """True for a line that may be the old one's successor: as indented as that, or as that after a swap."""
    way = indent(old)
    return indent(line) in (way, swapped(way)) and alike(line.strip(), old.strip(), work, 0.7)
