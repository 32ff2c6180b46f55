"""The model as the coder, over real HTTP: an agent in this process, and the real program where a run is the point."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from agents.tasks.completion import cancel
from state.errors import BudgetReached
from state.records import Pull, Task
from state.store import Store
from tests.agents.backends.conftest import Code, Setup
from tests.conftest import Refactory, Repo, new_file
from tests.model_server import Fault, ModelServer, Seen

MUL = f"Here it is.\n\n```diff\n{new_file('mul.py', 'def mul(a, b):')}```\n"
SUB = f"```diff\n{new_file('sub.py', 'def sub(a, b):')}```\n"
WRONG = "```diff\n--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def div(a, b):\n-    return 1\n+    return 2\n```\n"
EMPTY = "```diff\n--- a/calc.py\n+++ b/calc.py\n@@ -1,1 +1,1 @@\n-def add(a, b):\n+def add(a, b):\n```\n"
COST = 18  # tokens of an answer of the scripted server


def cost(pull: Pull) -> tuple[int, int]:
    """Requests, tokens."""
    assert pull.usage
    return pull.usage.requests, pull.usage.input_tokens + pull.usage.output_tokens


def run(refactory: Refactory, tasks: str, *more: str) -> Any:
    return refactory.run(
        "run", "--title", "T", "--from", "-", "--until", "code", "--json", *more, input=tasks
    )


@pytest.mark.parametrize("api", ["chat", "responses", "completions"])
def test_an_answer_is_applied_and_paid_for(
    repo: Repo, refactory: Refactory, store: Store, model_server: ModelServer, setup: Setup, api: str
) -> None:
    setup(api=api)
    model_server.script = [MUL]
    done = run(refactory, "## Add mul\nIt multiplies.\nscope: mul.py, calc.py\n")
    assert done.code == 0, done.err
    (pull,) = store.all(Pull)
    assert repo.show("mul.py", pull.commit or "") == "def mul(a, b):"
    assert cost(pull) == (1, COST)
    told = model_server.requests[0].text
    for part in (
        "It multiplies.",
        "tests/test_calc.py\n",
        "### calc.py\n```\ndef add(a, b):",
        "*** Begin Patch",
    ):
        assert part in told
    assert model_server.requests[0].api == api


@pytest.mark.parametrize("api", ["chat", "responses", "completions"])
def test_an_answer_may_come_as_a_stream(
    store: Store, code: Code, model_server: ModelServer, setup: Setup, api: str
) -> None:
    setup(api=api, model="  stream: true\n")
    model_server.script = [MUL]
    assert code("## Add mul\n").state == "testing"
    assert cost(store.all(Pull)[0]) == (1, COST)


def test_the_task_comes_first_in_the_message(code: Code, model_server: ModelServer, setup: Setup) -> None:
    model_server.script = [MUL]
    code("## Add mul\n")
    assert model_server.requests[0].body["messages"][-1]["content"].startswith("Task: Add mul\n")


def test_a_patch_that_does_not_apply_goes_back_with_the_reason(
    store: Store, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    model_server.script = [WRONG, MUL]
    assert code("## Add mul\n").state == "testing"
    (pull,) = store.all(Pull)
    assert (cost(pull), pull.attempt) == ((2, 2 * COST), 1)
    turns = model_server.requests[1].body["messages"][1:]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == WRONG
    assert turns[2]["content"].startswith("Task: Add mul\n") and "calc.py, hunk 1" in turns[2]["content"]


@pytest.mark.parametrize("answer", [WRONG, "I can't do that.", "```diff\n```", EMPTY])
def test_what_never_applies_fails_with_the_last_reason(
    store: Store, code: Code, model_server: ModelServer, setup: Setup, answer: str
) -> None:
    setup("budgets:\n  attempts: 2\n")
    model_server.script = lambda _: answer
    task = code("## Add mul\n")
    assert task.state == "failed" and "could not be applied" in task.feedback
    assert [cost(pull) for pull in store.all(Pull)] == [(2, 2 * COST)] * 2
    assert "The last attempt was sent back:" in model_server.requests[2].text


def test_an_edit_outside_the_scope_goes_back(code: Code, model_server: ModelServer, setup: Setup) -> None:
    model_server.script = [SUB, MUL]
    assert code("## Add mul\nscope: mul.py\n").state == "testing"
    assert "outside the task's scope" in model_server.requests[1].text


@pytest.mark.parametrize("fault", [Fault(status=429), Fault(status=500), Fault(cut=True), Fault(text="")])
def test_a_passing_fault_is_asked_again(
    store: Store, code: Code, model_server: ModelServer, setup: Setup, fault: Fault
) -> None:
    model_server.script = [fault, MUL]
    assert code("## Add mul\n").state == "testing"
    (pull,) = store.all(Pull)
    assert pull.usage and pull.usage.requests == 2 and pull.attempt == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=400, message="no such model"), "answered 400: no such model"),
        (Fault(body=b"<html>"), "sent what is no answer"),
        (Fault(truncated=True, text="```diff"), "cut off at its token limit"),
        (Fault(refusal="no"), "refused"),
    ],
)
def test_a_lasting_fault_fails_the_task_with_its_cause(
    store: Store, code: Code, model_server: ModelServer, setup: Setup, fault: Fault, said: str
) -> None:
    model_server.script = lambda _: fault
    task = code("## Add mul\n")
    assert (task.state, task.attempts) == ("failed", 1)
    assert said in task.feedback
    assert cost(store.all(Pull)[0])[0] >= 1, "what it cost is known all the same"


def test_a_lasting_fault_leaves_the_other_tasks_alone(
    refactory: Refactory, store: Store, model_server: ModelServer, setup: Setup
) -> None:
    def script(seen: Seen) -> str | Fault:
        return Fault(status=500, message="out of order") if "Task: Add mul" in seen.text else SUB

    model_server.script = script
    done = refactory.run("run", "--title", "T", "--from", "-", input="## Add mul\n\n## Add sub\n")
    assert done.code == 7
    mul, sub = store.all(Task)
    assert (mul.state, sub.state) == ("failed", "merged")
    assert "answered 500: out of order" in mul.feedback


def test_a_refused_key_ends_the_run_and_blames_no_task(
    refactory: Refactory, store: Store, model_server: ModelServer, setup: Setup
) -> None:
    model_server.script = lambda _: Fault(status=401, message="bad key")
    done = run(refactory, "## Add mul\n")
    assert done.code == 8 and "bad key" in done.err
    (task,) = store.all(Task)
    assert (task.state, task.attempts) == ("assigned", 0)


def test_a_call_over_the_token_budget_is_not_made(
    refactory: Refactory, store: Store, model_server: ModelServer, setup: Setup
) -> None:
    setup("budgets:\n  tokens: 100\n")
    done = run(refactory, "## Add mul\n")
    assert done.code == 6 and "100 of 100 tokens are left" in done.err
    assert done.json["errors"][0]["code"] == "budget"
    assert refactory.run("orchestrate", "1", "--run").code == 6
    (task,) = store.all(Task)
    assert (task.state, task.attempts) == ("assigned", 0)
    assert model_server.requests == []
    setup("budgets:\n  tokens: 100000\n")
    model_server.script = [MUL]
    assert refactory.run("orchestrate", "1", "--run").code == 0, "with a larger one it goes on"


def test_what_was_spent_before_the_budget_was_reached_counts(
    store: Store, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    setup("budgets:\n  tokens: 5000\n")
    model_server.script = [Fault(text="No diff.", size=40_000)]
    with pytest.raises(BudgetReached):
        code("## Add mul\n")
    (task,) = store.all(Task)
    assert (task.state, task.attempts) == ("assigned", 0)
    assert cost(store.all(Pull)[0]) == (1, COST)


def test_a_stopped_coder_drops_its_request_and_gives_the_task_back(
    refactory: Refactory, store: Store, model_server: ModelServer, setup: Setup
) -> None:
    model_server.script = lambda _: Fault(hang=True)
    refactory.ok("request:create", "--title", "Add mul")
    refactory.ok("plan:create", "1")
    refactory.ok("orchestrate", "1")
    coder = refactory.start("agent:coder", "--name", "coder-1")
    while not model_server.requests:
        time.sleep(0.02)
    coder.send_signal(signal.SIGTERM)
    coder.communicate(timeout=30)
    (task,) = store.all(Task)
    assert (task.state, task.attempts) == ("assigned", 0)
    assert list((store.location.private / "leases").glob("*.json")) == []


def test_a_task_cancelled_meanwhile_does_not_end_its_agent(
    store: Store, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    def script(_: Seen) -> str:
        cancel(store, store.all(Task)[0].key, "no longer wanted")
        return MUL

    model_server.script = script
    assert code("## Add mul\n").state == "cancelled"


def test_every_call_leaves_a_transcript_without_the_key(
    store: Store, code: Code, model_server: ModelServer, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "our-own-key")
    model_server.script = [f"The key our-own-key is in my answer.\n{WRONG}", MUL]
    task = code("## Add mul\n")
    folder = store.location.private / "logs" / task.key / "1"
    first, second = ((folder / f"model-{n}.md").read_text(encoding="utf-8") for n in (1, 2))
    assert "Task: Add mul" in first and "def div" in first and f"{COST - 7} tokens in" in first
    assert "hunk 1" in second and "Here it is." in second
    assert "our-own-key" not in first + second and "The key *** is" in first


def test_what_was_tolerated_is_in_the_pull(
    store: Store, code: Code, model_server: ModelServer, setup: Setup, refactory: Refactory
) -> None:
    setup()
    patch = "--- a/calc.py\n+++ b/calc.py\n@@ -7,2 +7,3 @@\n def add(a, b):  \n     return a + b\n+\n"
    model_server.script = [patch]
    code("## Add a line\n")
    (pull,) = store.all(Pull)
    assert pull.tolerances == ["calc.py, hunk 1: trailing whitespace"]
    assert "not placed exactly: calc.py, hunk 1: trailing whitespace" in refactory.ok("task:inspect", "1").out


def test_a_model_that_fails_twice_is_asked_for_whole_files(
    repo: Repo, store: Store, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    setup()
    config = repo.path / ".refactory/config.yaml"
    config.write_text(config.read_text().replace("patchAttempts: 1", "patchAttempts: 2"))
    model_server.script = ["no", "nor this", "mul.py\n```\ndef mul(a, b):\n    return a * b\n```\n"]
    assert code("## Add mul\n").state == "testing"
    asked = [str(request.body) for request in model_server.requests]
    assert ["all lines of the file" in text for text in asked] == [False, False, True]
