"""Agents that work at the same time share one budget."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from agents.model.token_budget import answer_limit, reserve
from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.tasks.completion import report
from agents.tasks.dispatch import claim
from agents.tasks.work import Claim, Report
from state.config import Price
from state.errors import BudgetReached, Conflict
from state.records import Budgets, Orchestration, Request, Usage
from state.store import Store
from tests.conftest import Refactory, Repo
from tests.model_server import ModelServer


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
    return reserve(store, claim.task.key, claim.token, Usage(input_tokens=used), Usage(input_tokens=wanted))


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
        reserve(store, claims[0].task.key, claims[1].token, Usage(), Usage(input_tokens=1))


def test_without_a_budget_all_is_granted(store: Store, claims: list[Claim]) -> None:
    with store.transaction("test") as changes:
        (orchestration,) = changes.all(Orchestration)
        changes.put(replace(orchestration, budgets=Budgets()))
    assert ask(store, claims[0], 0, 10**9)


PRICED = "version: 1\nmodel:\n  price: {input: 2, output: 10, source: 'a price list, 2026-11-22'}\n"


@pytest.fixture
def priced(store: Store, claims: list[Claim]) -> list[Claim]:
    """0.01 between them, at 2 and 10 for a million tokens."""
    (store.location.records / "config.yaml").write_text(PRICED)
    with store.transaction("test") as changes:
        (orchestration,) = changes.all(Orchestration)
        changes.put(replace(orchestration, budgets=Budgets(money=0.01)))
    return claims


def test_money_is_shared_like_tokens(store: Store, priced: list[Claim]) -> None:
    store = Store(store.location)
    one, two, _ = priced
    asked = Usage(input_tokens=1000, output_tokens=600)  # 0.002 + 0.006
    assert reserve(store, one.task.key, one.token, Usage(), asked)
    assert not reserve(store, two.task.key, two.token, Usage(), asked)
    assert reserve(store, two.task.key, two.token, Usage(), Usage(input_tokens=1000))
    report(store, "coder-1", one.task.key, one.token, Report(failure="x", usage=asked))
    with pytest.raises(BudgetReached, match=r"0\.0020 of 0\.0100 money are left"):
        reserve(store, two.task.key, two.token, Usage(), asked)


def test_who_asks_alone_is_told_how_long_the_answer_may_be() -> None:
    price = Price(input=2, output=10, source="a price list")
    assert answer_limit(Budgets(), None, Usage(), 10**6) is None
    assert answer_limit(Budgets(tokens=5000), None, Usage(output_tokens=1000), 1000) == 3000
    assert answer_limit(Budgets(tokens=5000, money=0.01), price, Usage(), 1000) == 800
    with pytest.raises(BudgetReached, match="1000 of 5000 tokens are left"):
        answer_limit(Budgets(tokens=5000), None, Usage(input_tokens=4000), 900)


def test_a_budget_in_money_needs_a_price_that_is_named(refactory: Refactory, repo: Repo) -> None:
    repo.write({".refactory/config.yaml": "version: 1\nbudgets: {money: 1.5}\n"})
    done = refactory.run("run", "--title", "T")
    assert done.code == 2 and "model.price is not" in done.err
    repo.write({".refactory/config.yaml": "version: 1\nmodel: {price: {input: 1, output: 2}}\n"})
    assert "source" in refactory.run("request:list", "--json").err + refactory.run("run", "--title", "T").err


def test_requests_and_plans_show_what_they_cost(
    refactory: Refactory, repo: Repo, model_server: ModelServer
) -> None:
    text = PRICED.replace("model:\n", f"model:\n  baseUrl: {model_server.url}\n")
    repo.write({".refactory/config.yaml": f"{text}budgets: {{money: 1}}\n"})
    task = {
        "id": "a",
        "title": "Add mul",
        "detail": "",
        "scope": ["mul.py"],
        "dependsOn": [],
        "acceptance": [],
    }
    model_server.script = [{"design": "", "tasks": [task]}]
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--planner", "model")
    assert model_server.requests[0].body["max_tokens"] == 16_000, (
        "the answer is bounded where there is a budget"
    )
    said = "11 in, 7 out, 1 request, 0.0001 by model.price"
    assert said in refactory.ok("request:show", "1").out and said in refactory.ok("plan:status", "1").out
    assert refactory.data("request:show", "1")["cost"] == pytest.approx(92e-6)


def test_a_plan_that_its_budget_has_no_room_for_is_not_asked_for(
    refactory: Refactory, repo: Repo, model_server: ModelServer
) -> None:
    config = f"version: 1\nmodel: {{baseUrl: '{model_server.url}'}}\nbudgets: {{tokens: 500}}\n"
    repo.write({".refactory/config.yaml": config})
    refactory.ok("request:create", "--title", "T")
    done = refactory.run("plan:create", "1", "--planner", "model")
    assert done.code == 6 and "500 of 500 tokens are left" in done.err
    assert model_server.requests == []
