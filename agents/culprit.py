"""Which task turned the combination red: bisection over the merge commits."""

from __future__ import annotations

from collections.abc import Callable

from agents.combination import Combination, Step
from state.errors import WorkFailed
from state.records import Tests

Verdict = Callable[[int], Tests]  # of the first N steps together


def find_culprit(combination: Combination, test: Verdict, red: Tests) -> tuple[Step, Tests]:
    """The step that turns it red, with its output. Raises WorkFailed if the target is red without us."""
    base = test(0)
    if base.verdict == "failed":
        raise WorkFailed(
            f"the target itself is red at {combination.onto[:12]}: no task is to blame",
            _last_lines(base.output),
        )
    green, high = 0, len(combination.steps)
    while high - green > 1:
        middle = (green + high) // 2
        tests = test(middle)
        if tests.verdict == "failed":
            high, red = middle, tests
        else:
            green = middle
    return combination.steps[high - 1], red


def _last_lines(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-5:])
