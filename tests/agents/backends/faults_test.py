"""Acceptance 21: a model that fails in ten ways, whatever it is asked for."""

from __future__ import annotations

import time

import pytest

from agents.git.repository import Repository
from state.records import Pull, Task
from state.store import Store
from tests.agents.backends.conftest import Code, Setup
from tests.conftest import Refactory, Repo, new_file
from tests.model_server import Fault, ModelServer, Seen

PATCH = new_file("mul.py", "def mul(a, b):")
FAULTS = {
    "429": (Fault(PATCH, status=429), 2, "answered 429"),
    "500": (Fault(PATCH, status=500), 2, "answered 500"),
    "hang": (Fault(hang=True), 2, "did not answer within 0.5 s"),
    "slow drip": (Fault(PATCH, drip=0.05), 2, "did not answer within 0.5 s"),
    "cut stream": (Fault(PATCH * 9, cut=True), 2, "broke"),
    "garbage": (Fault(body=b"\xff<html>" + PATCH.encode()), 2, "sent what is no answer"),
    "empty": (Fault(""), 2, "answered with nothing"),
    "50 MB": (Fault(PATCH, size=50_000_000), 1, "larger than any real one"),
    "refusal": (Fault(refusal="I can't help with that"), 1, "refused: I can't help"),
    "context too long": (Fault(status=400, code="context_length_exceeded"), 4, "answered 400"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("backend", ["model", "loop"])
def test_a_fault_is_retried_within_bounds_and_fails_with_its_cause(
    repo: Repo, store: Store, code: Code, model_server: ModelServer, setup: Setup, name: str, backend: str
) -> None:
    fault, most, said = FAULTS[name]
    stream = "true" if name == "cut stream" else "false"
    timeout = 0.5 if name in ("hang", "slow drip") else 20
    setup(backend=backend, model=f"  timeout: {timeout}\n  stream: {stream}\n")
    model_server.script = lambda _: fault
    task = code("## Add mul\n")
    assert (task.state, task.attempts) == ("failed", 1)
    assert said in task.feedback
    assert 1 <= len(model_server.requests) <= most
    (pull,) = store.all(Pull)
    assert pull.commit is None and pull.usage and pull.usage.requests == len(model_server.requests)
    assert repo.git("log", "--all", "--format=%s", "--", "mul.py") == "", "nothing of it was applied"


def test_a_context_that_is_too_long_is_asked_again_with_less(
    code: Code, model_server: ModelServer, setup: Setup, repo: Repo
) -> None:
    repo.commit({"calc.py": "def add(a, b):\n    return a + b\n\n\n" + "# more\n" * 3000})
    setup()

    def script(seen: Seen) -> str | Fault:
        too_long = len(seen.text) > 12_000
        return Fault(status=400, code="context_length_exceeded") if too_long else f"```diff\n{PATCH}```"

    model_server.script = script
    assert code("## Add mul\nscope: calc.py, mul.py\n").state == "testing"
    assert 2 <= len(model_server.requests) <= 4


def test_a_refused_key_stops_all_coders_at_once(
    refactory: Refactory, store: Store, model_server: ModelServer, setup: Setup, repo: Repo
) -> None:
    """Four are at work when the key is withdrawn: one message, no task blamed, none still assigned to a process."""
    setup()

    def script(seen: Seen) -> Fault:
        slow = "Task: Task 3" in seen.text
        if not slow:
            time.sleep(0.3)
        return Fault(hang=True) if slow else Fault(status=401, message="the key was withdrawn")

    model_server.script = script
    tasks = "".join(f"## Task {number}\n\n" for number in range(1, 9))
    done = refactory.run("run", "--title", "T", "--agents", "4", "--from", "-", input=tasks)
    assert done.code == 8
    assert done.err.count("the key was withdrawn") == 1, done.err
    assert len(model_server.requests) <= 4
    assert {(task.state, task.attempts) for task in store.all(Task)} == {("assigned", 0)}
    assert list((store.location.private / "leases").glob("*.json")) == []
    assert Repository(store.location.git_dir).run("for-each-ref", "refs/heads/refactory") == ""
