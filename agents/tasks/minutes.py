"""The budget of time: an orchestration's minutes, on the clock on the wall."""

from __future__ import annotations

import time

from agents.model.token_budget import RAISE
from state.clock import seconds
from state.errors import BudgetReached
from state.keys import number_of
from state.records import Orchestration


def are_over(orchestration: Orchestration) -> bool:
    minutes = orchestration.budgets.minutes
    return minutes is not None and _age(orchestration) > minutes * 60


def check_minutes(orchestration: Orchestration) -> None:
    """Raises BudgetReached."""
    if are_over(orchestration):
        number, minutes = number_of(orchestration.key), orchestration.budgets.minutes or 0
        raise BudgetReached(f"orchestration {number}: its time is over ({minutes:g} min)", RAISE)


def _age(orchestration: Orchestration) -> float:
    return time.time() - seconds(orchestration.created)
