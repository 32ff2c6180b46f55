from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agents.model.schema import strict_schema
from agents.orchestrator import orchestrate
from agents.plan.model_planner import Planned
from agents.planner import plan as make_plan
from agents.tasks.dispatch import claim
from state.errors import BudgetReached, Unavailable, WorkFailed
from state.records import Plan, Request, Task
from state.store import Store
from tests.conftest import Refactory, Repo
from tests.model_server import Fault, ModelServer


def task(own: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"id": own, "title": f"Do {own}", "detail": "How.", "scope": [f"{own}.py"], "dependsOn": list(after),
            "acceptance": [], **more}  # fmt: skip


def plan(*tasks: dict[str, Any], design: str = "All in one module each.") -> dict[str, Any]:
    return {"design": design, "tasks": list(tasks)}


@pytest.fixture
def made(repo: Repo, store: Store, model_server: ModelServer) -> Callable[[], Plan]:
    """`made()` has the scripted server plan a request."""
    settings = f"model:\n  baseUrl: {model_server.url}\n  backoff: 0.01\n  retries: 1\n"
    repo.write({".refactory/config.yaml": f"version: 1\n{settings}planner:\n  backend: model\n"})
    with store.transaction("test") as changes:
        request = changes.new(Request, title="Metrics", description="Count the calls.")
    return lambda: make_plan(store, request.key, None, None)


def test_the_models_tasks_become_the_plan(
    made: Callable[[], Plan], store: Store, model_server: ModelServer
) -> None:
    model_server.script = [plan(task("api"), task("page", "api", acceptance=["true"]))]
    found = made()
    api, page = store.all(Task)
    assert (found.planner, found.design, found.state) == ("model", "All in one module each.", "approved")
    assert (api.title, api.scope, page.depends_on, page.acceptance) == (
        "Do api", ["api.py"], [api.key], ["true"],
    )  # fmt: skip


def test_what_it_cost_is_on_record_and_counts(
    made: Callable[[], Plan], store: Store, refactory: Refactory, model_server: ModelServer
) -> None:
    model_server.script = [{"design": "none"}, plan(task("api"))]
    usage = made().usage
    assert usage is not None
    assert (usage.requests, usage.model) == (2, "gpt-6.2-sol"), "also for an answer that could not be used"
    shown = {
        "model": usage.model,
        "requests": 2,
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
    }
    assert refactory.data("plan:status", "1")["usage"] == shown
    assert (
        f"{usage.input_tokens} in, {usage.output_tokens} out, 2 requests"
        in refactory.ok("plan:status", "1").out
    )
    tokens = usage.input_tokens + usage.output_tokens
    with (refactory.folder / ".refactory/config.yaml").open("a") as config:
        config.write(f"budgets:\n  tokens: {tokens}\n")
    orchestrate(Store(store.location), "1", 1, "main", None, None)
    with pytest.raises(BudgetReached, match=f"{tokens} tokens are used up"):
        claim(store, "coder-1", "coder", None)
    assert refactory.data("orchestration:show", "1")["usage"] == shown


def test_it_is_told_the_request_the_files_and_the_test_command(
    made: Callable[[], Plan], model_server: ModelServer
) -> None:
    model_server.script = [plan(task("api"))]
    made()
    seen = model_server.requests[0]
    for part in ("Request: Metrics\n\nCount the calls.", "calc.py\ntests/test_calc.py", "unittest"):
        assert part in seen.text
    assert ".refactory/" not in seen.body["messages"][-1]["content"]
    assert seen.body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (plan(task("a", "b"), task("b", "a")), "tasks wait for each other"),
        (plan(task("a", "c")), "depends on unknown tasks: c"),
        (plan(task("a"), task("a")), "the same id"),
        (plan(task("a", scope=[" "])), "without a scope: a"),
        (plan(task("a", title=" ")), "no title"),
        (plan(), "length >= 1"),
        (plan(*(task(f"t{n}") for n in range(31))), "length <= 30"),
        ({"design": "x", "tasks": [{"id": "a"}]}, "missing required field"),
        (plan(task("a")) | {"extra": 1}, "unknown field"),
    ],
)
def test_a_plan_that_can_not_work_goes_back_with_the_reason(
    made: Callable[[], Plan], store: Store, model_server: ModelServer, bad: dict[str, Any], said: str
) -> None:
    model_server.script = [bad, plan(task("api"))]
    made()
    assert [one.title for one in store.all(Task)] == ["Do api"]
    assert said in model_server.requests[1].body["messages"][-1]["content"]


def test_the_program_says_whose_failure_it_is(refactory: Refactory, model_server: ModelServer) -> None:
    refactory.env |= model_server.env
    refactory.ok("request:create", "--title", "Metrics")
    model_server.script = lambda _: Fault(status=400, message="no such model")
    done = refactory.run("plan:create", "1", "--planner", "model")
    assert done.code == 8 and "no such model" in done.err


def test_after_three_bad_plans_it_is_an_error_and_nothing_is_recorded(
    made: Callable[[], Plan], store: Store, model_server: ModelServer
) -> None:
    model_server.script = lambda _: plan(task("a", "a"))
    with pytest.raises(WorkFailed, match="no usable plan in 3 answers: task a depends on itself"):
        made()
    assert len(model_server.requests) == 3
    assert store.all(Plan) == [] and store.all(Task) == []


def test_garbage_and_a_broken_server_are_the_models_failure(
    made: Callable[[], Plan], store: Store, model_server: ModelServer
) -> None:
    for answer in (Fault(text="I'd rather talk."), Fault(status=500)):
        model_server.script = lambda _, answer=answer: answer
        with pytest.raises(Unavailable):
            made()
    assert store.all(Plan) == []


def test_the_schema_is_one_that_strict_servers_take() -> None:
    schema = strict_schema(Planned)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(plan(task("a")))
    for part in (schema, *schema["$defs"].values()):
        assert part["type"] == "object" and part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
