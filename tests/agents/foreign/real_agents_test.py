"""Agents that others wrote, run for real against a scripted model: each with a right edit, a wrong one, none, and a
model that refuses, fails, or says nothing. `.ci/run` installs them all; elsewhere those that are missing are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass

import pytest

from agents.model.errors import ModelAuthFailed
from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.workers.worker import Worker
from agents.worktrees.workspace import local
from commands._context import Context
from commands._ledger import OperationLedger
from state.records import Pull, Request, Task
from state.store import Store
from tests.agent_model_server import FILE, SAID, TOKENS, AgentModel
from tests.conftest import Refactory, Repo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ALL_MUST_RUN = bool(os.environ.get("AGENTS_MUST_RUN"))
RIGHT = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
WRONG = RIGHT.replace("a - b", "b - a")
TASK = f"""## Add sub
scope: {FILE}
acceptance: python3 -c "from calc import sub; assert sub(3, 1) == 2"

`sub(a, b)` is `a - b`.
"""
CODEX = """  arguments: [-c, 'model_provider="x"', -c, 'model_providers.x={{name="x", base_url="{url}/v1", \
wire_api="responses", env_key="OPENAI_API_KEY", request_max_retries=1, stream_max_retries=1}}']
"""


@dataclass(frozen=True)
class Agent:
    """How one is pointed to the scripted model; `{url}` is where that is."""

    program: str
    backend: str
    coder: str


AGENTS = {
    "codex": Agent("codex", "command", "  model: test\n" + CODEX),
    "codex-acp": Agent("codex-acp", "acp", "  model: test\n" + CODEX),
    "claude": Agent(
        "claude", "command", "  env: {{ANTHROPIC_BASE_URL: '{url}', CLAUDE_CODE_MAX_RETRIES: '1'}}\n"
    ),
    "aider": Agent(
        "aider",
        "command",
        "  model: openai/test\n  env: {{OPENAI_API_BASE: '{url}/v1'}}\n  arguments: [--timeout, '5']\n",
    ),
}


@dataclass
class Case:
    """A repository with one task, and an agent that is set up to do it."""

    agent: Agent
    repo: Repo
    store: Store

    def configure(self, name: str, url: str, seconds: float = 90) -> None:
        text = f"version: 1\nbudgets: {{attempts: 1}}\ncoder:\n  backend: {self.agent.backend}\n  preset: {name}\n"
        text += f"  seconds: {seconds}\n" + self.agent.coder.format(url=url)
        self.repo.write({".refactory/config.yaml": text})
        self.store = Store.open(self.repo.path)

    def run(self) -> tuple[Task, Pull]:
        """One coder, then one tester."""
        with self.store.transaction("test") as changes:
            request = changes.new(Request, title="T")
        made = plan(self.store, request.key, TASK, "template")
        orchestrate(self.store, made.key, 1, "main", None, None)
        ledger = OperationLedger(Context(self.repo.path))
        for name, role in (("coder-1", "coder"), ("tester-1", "tester")):
            Worker(name, role, ledger, lambda _: local(self.store), self.repo.path).work(once=True)  # type: ignore[arg-type]
        task = self.store.get(Task, made.tasks[0])
        return task, self.store.get(Pull, task.pulls[-1])


@pytest.fixture(params=AGENTS)
def case(
    request: pytest.FixtureRequest, repo: Repo, refactory: Refactory, monkeypatch: pytest.MonkeyPatch
) -> Case:
    agent = AGENTS[request.param]
    if not shutil.which(agent.program):
        assert not ALL_MUST_RUN, f"{agent.program} is not installed"
        pytest.skip(f"{agent.program} is not installed")
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(key, "sk-test-key")
    return Case(agent, repo, Store.open(refactory.folder))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["case"])


def test_a_right_edit_is_completed(case: Case, name: str) -> None:
    with AgentModel(writes=RIGHT) as model:
        case.configure(name, model.url)
        task, pull = case.run()
    assert (task.state, pull.failure) == ("completed", ""), task.feedback
    assert case.repo.git("show", f"{task.commit}:{FILE}") == RIGHT.strip()
    assert case.repo.git("diff", "--name-only", f"main..{task.commit}") == FILE
    assert pull.usage and pull.usage.input_tokens + pull.usage.output_tokens >= sum(TOKENS)


def test_a_wrong_edit_is_found_by_the_tests(case: Case, name: str) -> None:
    with AgentModel(writes=WRONG) as model:
        case.configure(name, model.url)
        task, pull = case.run()
    assert task.state == "failed"
    assert pull.commit and pull.tests and pull.tests.verdict == "failed"
    assert "AssertionError" in task.feedback


def test_no_edit_is_a_failed_attempt_with_its_words(case: Case, name: str) -> None:
    with AgentModel() as model:
        case.configure(name, model.url)
        task, pull = case.run()
    assert (task.state, pull.commit) == ("failed", None)
    assert pull.failure.startswith(f"{name} changed nothing")
    assert SAID in pull.failure


def test_a_refused_key_ends_the_agent_with_one_clear_message(case: Case, name: str) -> None:
    with AgentModel(status=401) as model, pytest.raises(ModelAuthFailed) as caught:
        case.configure(name, model.url)
        case.run()
    assert caught.value.message.startswith(f"{name} is not let in by its model: ")
    assert "set " in caught.value.hint
    assert [task.state for task in case.store.all(Task)] == ["assigned"]


def test_a_failing_model_is_named(case: Case, name: str) -> None:
    with AgentModel(status=500) as model:
        case.configure(name, model.url, seconds=40)
        task, pull = case.run()
    assert (task.state, pull.commit) == ("failed", None)
    assert re.search(r"\b500\b|high demand|InternalServerError", pull.failure), pull.failure


def test_silence_ends_at_the_limit(case: Case, name: str) -> None:
    with AgentModel(hang=True) as model:
        case.configure(name, model.url, seconds=6)
        task, pull = case.run()
    assert (task.state, pull.commit) == ("failed", None)
    assert pull.failure.startswith(f"{name} was ended after 6 s")
