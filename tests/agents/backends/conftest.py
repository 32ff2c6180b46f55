"""One agent that works off a task list with the scripted model server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.workers.worker import Worker
from agents.worktrees.workspace import local
from commands._context import Context
from commands._ledger import OperationLedger
from state.records import Request, Task
from state.store import Store
from tests.conftest import Refactory, Repo
from tests.model_server import ModelServer

Setup = Callable[..., None]
Code = Callable[[str], Task]


@pytest.fixture
def setup(repo: Repo, refactory: Refactory, model_server: ModelServer) -> Setup:
    """Writes a configuration that asks the scripted server; `more` is YAML to add."""

    def write(more: str = "", api: str = "chat", model: str = "", backend: str = "model") -> None:
        text = f"version: 1\nmodel:\n  baseUrl: {model_server.url}\n  api: {api}\n  backoff: 0.01\n  retries: 1\n"
        repo.write(
            {
                ".refactory/config.yaml": f"{text}{model}coder:\n  backend: {backend}\n  patchAttempts: 1\n{more}"
            }
        )

    write()
    return write


@pytest.fixture
def code(repo: Repo, store: Store) -> Code:
    """One agent works off a task list; the last of its tasks."""

    def work(tasks: str) -> Task:
        with store.transaction("test") as changes:
            request = changes.new(Request, title="T")
        made = plan(store, request.key, tasks, "template")
        orchestrate(store, made.key, 1, "main", None, None)
        ledger = OperationLedger(Context(repo.path))
        worker = Worker("coder-1", "coder", ledger, lambda _: local(store), repo.path)
        while any(task.state == "assigned" for task in store.all(Task)):
            worker.work(once=True)
        return store.all(Task)[-1]

    return work
