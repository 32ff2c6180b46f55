"""What models have cost so far: one meter for each piece of work that is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents.model.errors import Spent
from state.records import Usage


@dataclass
class Meter:
    """Also what a failed or interrupted piece of work cost counts against the budgets.

    `reserve(used, wanted)`: whether a call may be made now, as agents share one budget. `answer_limit(used, size)`:
    how long the answer to a question of so many tokens may be, for who asks alone; None: there is no bound.
    """

    reserve: Callable[[Usage, Usage], bool] = lambda used, wanted: True
    usage: Usage | None = None
    answer_limit: Callable[[Usage, int], int | None] = lambda used, size: None

    @property
    def tokens(self) -> int:
        return self.usage.tokens if self.usage else 0

    def add(self, more: Usage) -> None:
        self.usage = (self.usage or Usage()) + more

    def pay(self, spent: Spent, model: str) -> None:
        """What one question to a model took."""
        self.add(
            Usage(
                model=model,
                requests=spent.requests,
                input_tokens=spent.input_tokens,
                output_tokens=spent.output_tokens,
            )
        )
