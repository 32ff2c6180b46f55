"""What ends an agent, and what becomes of the task it was at."""

from __future__ import annotations

import socket
import threading
from typing import ClassVar

import pytest
from msgspec.structs import replace

from agents.model.errors import ModelUnreachable
from agents.tasks import minutes
from agents.tasks.work import Claim, Role
from agents.workers import worker as agents_worker
from agents.workers.crew import _last_error
from agents.workers.worker import Worker, _heartbeat
from agents.worktrees.workspace import local
from commands._context import Context
from commands._ledger import OperationLedger
from state import leases
from state.errors import BudgetReached, Unavailable
from state.records import Budgets, Orchestration, Task
from state.store import Store
from tests.agents.finished import complete, planned
from tests.conftest import Repo, new_file
from tests.model_server import ModelServer


def agent(repo: Repo, store: Store, role: str = "coder") -> Worker:
    ledger = OperationLedger(Context(repo.path))
    return Worker(f"{role}-1", role, ledger, lambda _: local(store), repo.path)  # type: ignore[arg-type]


def over_once_it_has_begun(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its one minute is over as soon as what it runs has said `begun`, however slow this machine is."""

    def age(_: Orchestration) -> float:
        logs = store.location.private.glob("logs/*/*/*.log")
        return 61.0 if any("begun" in log.read_text() for log in logs) else 0.0

    monkeypatch.setattr(minutes, "_age", age)
    with store.transaction("test") as changes:
        changes.put(replace(changes.get(Orchestration, 1), budgets=Budgets(minutes=1)))


def test_an_attempt_ends_with_its_orchestrations_minutes(
    repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "echo half >half.txt; echo begun; sleep 60"
    repo.write({".refactory/config.yaml": f"coder:\n  backend: command\n  command: {command}\n"})
    planned(store, "One")
    over_once_it_has_begun(store, monkeypatch)
    with pytest.raises(BudgetReached, match="its time is over"):
        agent(repo, store).work(once=True)
    task = store.get(Task, 1)
    assert (task.state, task.attempts) == ("assigned", 0)
    assert leases.find(store.location.private, task.key) is None
    (kept,) = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/backup").split()
    assert repo.show("half.txt", kept) == "half", "what it had done is kept"


def test_a_test_ends_with_its_orchestrations_minutes(
    repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write({".refactory/config.yaml": "test:\n  command: echo begun; sleep 60\n"})
    planned(store, "One")
    complete_code(repo, store)
    over_once_it_has_begun(store, monkeypatch)
    with pytest.raises(BudgetReached, match="its time is over"):
        agent(repo, store, "tester").work(once=True)
    assert store.get(Task, 1).state == "testing"


def complete_code(repo: Repo, store: Store) -> None:
    done = complete(store, repo, "One", {"one.py": "1\n"})
    with store.transaction("test") as changes:
        changes.put(replace(done, state="testing"))


def test_a_model_that_is_not_there_ends_the_agent_and_fails_no_task(repo: Repo, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    repo.write({".refactory/config.yaml": f"model: {{baseUrl: '{url}', api: chat, retries: 0}}\n"})
    planned(store, "One")
    with pytest.raises(ModelUnreachable, match="can't be reached") as raised:
        agent(repo, store).work(once=True)
    assert raised.value.exit_code == 8
    task = store.get(Task, 1)
    assert (task.state, task.attempts) == ("assigned", 0)


def test_a_model_that_was_there_is_waited_for(
    repo: Repo, store: Store, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents_worker, "_PATIENCE", 2)
    config = f"model: {{baseUrl: '{model_server.url}', api: chat, retries: 0}}\n"
    repo.write({".refactory/config.yaml": config})
    model_server.script = lambda _: f"```diff\n{new_file('one.py', 'x = 1')}```"
    planned(store, "One", "Two")
    coder, waited = agent(repo, store), []
    assert coder.work(once=True) == 1
    repo.write({".refactory/config.yaml": config.replace("127.0.0.1", "127.0.0.1:1/x?")})
    monkeypatch.setattr(coder.stopping, "wait", waited.append)
    assert coder.work(once=True) == 1
    assert waited == [2]
    with pytest.raises(ModelUnreachable):
        coder.work(once=True)


class Away(OperationLedger):
    """As of a server that is restarted: there, then away for some calls, then there again."""

    answers: ClassVar[list[bool]] = []

    def claim(self, agent: str, role: Role) -> Claim | None:
        if self.answers and not self.answers.pop(0):
            raise Unavailable("http://127.0.0.1:1: no answer")
        return super().claim(agent, role)


def test_a_server_that_is_restarted_is_waited_for(
    repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(store, "One")
    agent = Worker("tester-1", "tester", Away(Context(repo.path)), lambda _: local(store), repo.path)
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if not Away.answers:
            agent.stopping.set()
        return agent.stopping.is_set()

    monkeypatch.setattr(agent.stopping, "wait", wait)
    Away.answers = [False, True]
    with pytest.raises(Unavailable):
        agent.work(once=False)  # one that never was there is a mistake in its address
    Away.answers = [True, False, False, True]
    assert agent.work(once=False) == 0
    assert waited[1:3] == [2, 4]
    agent.stopping.clear()
    Away.answers = [True, *[False] * 10]
    with pytest.raises(Unavailable):
        agent.work(once=False)


class Watched(OperationLedger):
    """`asked` is set once a renewal was tried."""

    asked = threading.Event()

    def renew(self, claim: Claim) -> None:
        try:
            super().renew(claim)
        finally:
            self.asked.set()


def test_a_heartbeat_that_fails_loses_the_task_only_if_somebody_else_may_have_it(
    repo: Repo, store: Store
) -> None:
    planned(store, "One")
    ledger = Watched(Context(repo.path))
    claim = ledger.claim("coder-1", "coder")
    assert claim
    soon = replace(claim, lease_seconds=0.3)
    repo.write({".refactory/config.yaml": "leaseSeconds: sixty\n"})  # as somebody is about to mend it
    with _heartbeat(ledger, soon, threading.Event(), None) as held:
        assert ledger.asked.wait(20)
    assert held()
    repo.write({".refactory/config.yaml": "version: 1\n"})
    leases.release(store.location.private, claim.task.key)
    ledger.asked.clear()
    with _heartbeat(ledger, soon, threading.Event(), None) as held:
        assert ledger.asked.wait(20)
    assert not held()


def test_an_error_of_several_lines_is_told_whole() -> None:
    log = "coder-1: task 1\nrefactory: nothing is recorded, it differs in:\n-a\n+b\n  record it anew\ncoder-2: x\n"
    assert _last_error(log, ["coder-1", "coder-2"]) == (
        "nothing is recorded, it differs in:\n-a\n+b",
        "record it anew",
    )
    assert _last_error("coder-1: killed\n", ["coder-1"]) == ("", "")
