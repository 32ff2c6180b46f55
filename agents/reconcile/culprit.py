"""Which task turned the combination red, and with which other one: bisection over the merges.

Every test run costs minutes, so nothing is tested that is implied. Of the last two candidates not the first one is
tested but what is left without either: the green one of these is what lands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from agents.git.repository import Repository
from agents.reconcile.combination import Combination, Step
from agents.reconcile.verdicts import Verdicts
from state.errors import WorkFailed
from state.keys import number_of
from state.records import Tests

MOST_RUNS = 8  # after which the search for a partner is not worth another one

Made = Callable[[Collection[str]], Combination]  # of these tasks alone, by key


@dataclass(frozen=True)
class Culprit:
    """`partners`: it fails only together with these, or with one of them."""

    step: Step
    red: Tests
    evidence: str
    partners: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Hunt:
    """For the culprit of one red combination. `made` gives the combination of some of its tasks."""

    git: Repository
    combination: Combination
    verdicts: Verdicts
    made: Made

    def culprit(self, red: Tests) -> Culprit:
        """Raises WorkFailed if the target is red without us."""
        green, high = 0, len(self.combination.steps)
        while high - green > 2:
            middle = (green + high) // 2
            tests = self.verdicts.of(self.combination.first(middle))
            if tests.verdict == "failed":
                high, red = middle, tests
            else:
                green = middle
        return self._of_the_last(green, high, red)

    def _of_the_last(self, green: int, high: int, red: Tests) -> Culprit:
        """The first `green` are green, the first `high` are red; there are one or two between them."""
        candidates = self.combination.steps[green:high]
        rests = [self._without(step) for step in candidates]
        if len(candidates) == 1:
            found = [self.verdicts.of(rests[0])] if rests[0].steps else [self._of_target()]
        else:
            found = list(self.verdicts.of_both(*rests))
        innocent = [tests.verdict == "failed" for tests in found]
        if all(innocent):
            return self._one_of_several(green, high, red)
        if not any(innocent) and len(candidates) == 2:
            return self._of_pair(candidates[1], candidates[0], red)
        place = innocent.index(False)
        step, others = candidates[place], len(rests[place].steps)
        alone = others == len(self.combination.steps) - 1
        without = "without it" if alone else "without it and what builds on it"
        evidence = f"{without} the other {others} are green" if others else f"the target is green {without}"
        return self._with_partner(step, red, evidence)

    def _one_of_several(self, green: int, high: int, red: Tests) -> Culprit:
        """Without it the rest is red, too: something else is wrong there, or with the target."""
        if green == 0:
            self._of_target()
        if high - green == 2:
            tests = self.verdicts.of(self.combination.first(green + 1))
            high, red = (green + 1, tests) if tests.verdict == "failed" else (high, red)
        step = self.combination.steps[high - 1]
        before = self.combination.steps[: high - 1]
        evidence = f"the first {len(before)} are green, with it they are red" if before else "alone it is red"
        return Culprit(step, red, evidence)

    def _of_target(self) -> Tests:
        base = self.verdicts.of(self.combination.first(0))
        if base.verdict == "failed":
            onto = self.combination.onto[:12]
            raise WorkFailed(
                f"the target itself is red at {onto}: no task is to blame", _last_lines(base.output)
            )
        return base

    def _of_pair(self, step: Step, partner: Step, red: Tests) -> Culprit:
        """Without either of them it is green. One that builds on the other is alone to blame."""
        built_on = partner.task.key in step.built_on
        evidence = f"without it, and without task {number_of(partner.task.key)}, the others are green"
        return Culprit(step, red, evidence, () if built_on else (partner,))

    def _with_partner(self, step: Step, red: Tests, evidence: str) -> Culprit:
        """Halve those before it, as long as there are runs to spare: with which of them is it red?"""
        partners = self._partners(step)
        while len(partners) > 1 and self.verdicts.runs < MOST_RUNS:
            half = partners[: len(partners) // 2]
            wanted = {key for one in (step, *half) for key in (one.task.key, *one.built_on)}
            made = self.made(wanted)
            if {one.task.key for one in made.steps} != wanted:
                break
            tests = self.verdicts.of(made)
            partners = half if tests.verdict == "failed" else partners[len(half) :]
            red = tests if tests.verdict == "failed" else red
        return Culprit(step, red, evidence, tuple(partners))

    def _partners(self, step: Step) -> list[Step]:
        """Those it may fail with. Nobody, unless a tester saw it green on this very target."""
        if not self.git.is_ancestor(self.combination.onto, step.task.commit or ""):
            return []
        before = self.combination.steps[: self.combination.steps.index(step)]
        return [other for other in before if other.task.key not in step.built_on]

    def _without(self, step: Step) -> Combination:
        return self.made({other.task.key for other in self.combination.steps} - {step.task.key})


def _last_lines(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-5:])
