"""Agents that work at the same time share one budget."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from agents.completion import report
from agents.dispatch import claim
from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.token_budget import reserve
from agents.work import Claim, Report
from state.errors import BudgetReached, Conflict
from state.records import Budgets, Orchestration, Request, Usage
from state.store import Store


@pytest.fixture
def claims(store: Store) -> list[Claim]:
    """Three coders at work, 1000 tokens between them."""
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    made = plan(store, request.key, "## One\n\n## Two\n\n## Three\n", "template")
    orchestrate(store, made.key, 3, "main", None, None)
    with store.transaction("test") as changes:
        (orchestration,) = changes.all(Orchestration)
        changes.put(replace(orchestration, budgets=Budgets(tokens=1000)))
    found = [claim(store, f"coder-{number}", "coder", None) for number in (1, 2, 3)]
    return [each for each in found if each]


def ask(store: Store, claim: Claim, used: int, wanted: int) -> bool:
    return reserve(store, claim.task.key, claim.token, used, wanted)


def test_of_calls_that_do_not_fit_together_one_waits(store: Store, claims: list[Claim]) -> None:
    one, two, _ = claims
    assert ask(store, one, 0, 600)
    assert not ask(store, two, 0, 600), "the other's call may need them"
    assert ask(store, two, 0, 400)
    assert not ask(store, one, 100, 600), "what was asked for may be spent by now"
    report(store, "coder-2", two.task.key, two.token, Report(failure="x", usage=Usage(input_tokens=50)))
    assert ask(store, one, 100, 600), "it needed less"


def test_when_nobody_else_is_asking_the_budget_is_reached(store: Store, claims: list[Claim]) -> None:
    one, two, three = claims
    assert ask(store, one, 0, 900)
    assert not ask(store, two, 0, 200)
    report(store, "coder-1", one.task.key, one.token, Report(failure="x", usage=Usage(output_tokens=900)))
    with pytest.raises(BudgetReached, match="100 of 1000 tokens are left"):
        ask(store, two, 0, 200)
    assert ask(store, three, 0, 100)


def test_of_many_that_ask_at_once_no_more_than_the_budget_is_granted(
    store: Store, claims: list[Claim]
) -> None:
    with ThreadPoolExecutor(3) as pool:
        granted = pool.map(lambda claim: ask(Store(store.location), claim, 0, 400), claims)
    assert sum(granted) == 2


def test_a_late_holder_gets_none(store: Store, claims: list[Claim]) -> None:
    with pytest.raises(Conflict):
        reserve(store, claims[0].task.key, claims[1].token, 0, 1)


def test_without_a_budget_all_is_granted(store: Store, claims: list[Claim]) -> None:
    with store.transaction("test") as changes:
        (orchestration,) = changes.all(Orchestration)
        changes.put(replace(orchestration, budgets=Budgets()))
    assert ask(store, claims[0], 0, 10**9)
