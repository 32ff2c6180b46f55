"""Of several that claim one task one gets it; who is paused past the end of its lease changes nothing any more."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from agents.git.refs import task_branch
from agents.tasks.dispatch import claim, release
from state import leases
from state.records import Task
from state.store import Store
from tests.agents.finished import planned, task_titled
from tests.agents.tasks.dispatch_test import expire
from tests.conftest import Refactory, Repo

PROCESSES, THREADS = 2, 2


def race(folder: Path, rounds: int, gate: Barrier, results: Any) -> None:
    """One of the processes, with its threads: the tokens they won, by round."""
    store = Store.open(folder)

    def runner(_: int) -> list[tuple[int, int]]:
        won = []
        for number in range(rounds):
            gate.wait()
            given = claim(store, "coder-1", "coder", os.getpid())
            gate.wait()
            if given:
                won.append((number, given.token))
                release(store, given.task.key, given.token)
        return won

    with ThreadPoolExecutor(THREADS) as pool:
        results.put([pair for won in pool.map(runner, range(THREADS)) for pair in won])


def tokens_of(folder: Path, rounds: int) -> list[int]:
    """The tokens in the order of the rounds; as many as claims that succeeded."""
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(PROCESSES * THREADS, timeout=60), context.Queue()
    given = (folder, rounds, gate, results)
    racers = [context.Process(target=race, args=given, daemon=True) for _ in range(PROCESSES)]
    for racer in racers:
        racer.start()
    won = sorted(pair for _ in racers for pair in results.get(timeout=500))
    for racer in racers:
        racer.join()
    assert [number for number, _ in won] == list(range(rounds)), "one winner in each round"
    return [token for _, token in won]


def test_of_those_that_claim_a_task_at_once_one_gets_it(store: Store) -> None:
    planned(store, "One")
    tokens = tokens_of(store.location.root, 40)
    assert tokens == sorted(set(tokens)), "tokens grow"
    assert task_titled(store, "One").attempts == 0, "what is given back does not count"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_races_for_one_task(store: Store) -> None:
    planned(store, "One")
    tokens = tokens_of(store.location.root, 1_000)
    assert tokens == sorted(set(tokens))


@dataclass
class Scene:
    """A repository with one task, and a coder that is stopped in the middle of it."""

    repo: Repo
    store: Store
    coder: subprocess.Popen[str]
    through: Refactory
    folder: Path

    @property
    def task(self) -> Task:
        return task_titled(self.store, "One")

    def pause(self) -> None:
        wait_for((self.folder / "working").exists)
        self.coder.send_signal(signal.SIGSTOP)
        wait_for(lambda: not self.lease_lives())
        config = self.store.location.records / "config.yaml"
        config.write_text(config.read_text().replace("leaseSeconds: 1.5", "leaseSeconds: 60"))

    def lease_lives(self) -> bool:
        lease = leases.find(self.store.location.private, self.task.key)
        return lease is not None and lease.live()

    def wake(self) -> None:
        """It completes: its program has done its work meanwhile."""
        (self.folder / "go").touch()
        wait_for((self.folder / "done").exists)
        self.coder.send_signal(signal.SIGCONT)
        self.coder.communicate(timeout=60)

    def branches(self) -> str:
        refs = self.repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
        return refs + self.repo.git("ls-remote", "origin", "refs/heads/*")

    def refusals(self) -> list[dict[str, Any]]:
        logs = (self.store.location.records / "audit").glob("**/*.jsonl")
        lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
        return [line for line in lines if line["note"].startswith("refused")]


def wait_for(there: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not there():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def origin_of(repo: Repo) -> None:
    repo.git("init", "-q", "--bare", "-b", "main", str(repo.path / ".git" / "origin"))
    repo.git("remote", "add", "origin", str(repo.path / ".git" / "origin"))
    repo.git("push", "-q", "origin", "main")


@pytest.fixture(params=["here", "http"])
def scene(
    request: pytest.FixtureRequest, repo: Repo, refactory: Refactory, tmp_path: Path
) -> Iterator[Scene]:
    """Over HTTP the coder has no store and pushes to a remote."""
    origin_of(repo)
    script = tmp_path / "coder.sh"
    script.write_text(
        f"touch {tmp_path}/working; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\n"
        f"echo late >late.txt; touch {tmp_path}/done\n"
    )
    config = f"leaseSeconds: 1.5\nsandbox: none\ncoder:\n  backend: command\n  command: sh {script}\n"
    (repo.path / ".refactory" / "config.yaml").write_text(config)
    for command in (("request:create", "--title", "T"), ("plan:create", "1", "--from", "-")):
        refactory.ok(*command, input="## One\n")
    refactory.ok("orchestrate", "1", "--agents", "1", "--remote", "origin")
    through, server = refactory, None
    if request.param == "http":
        server = refactory.start("serve", "--port", "0")
        assert server.stdout
        through = Refactory(repo.path, {"REF_API_URL": server.stdout.readline().strip()})
    coder = through.start("agent:coder", "--name", "coder-1", "--once")
    yield Scene(repo, Store.open(repo.path), coder, through, tmp_path)
    for process in (coder, server):
        if process:
            process.kill()
            process.communicate()


def test_a_holder_paused_past_its_lease_changes_nothing(scene: Scene) -> None:
    """Acceptance 11: refused, audited, branch unchanged, though nobody else has the task."""
    scene.pause()
    before, branches = scene.task, scene.branches()
    scene.wake()
    assert scene.task == before
    assert scene.branches() == branches
    assert scene.refusals()
    assert "late.txt" in kept_files(scene), "what it did is not lost"


def test_a_holder_paused_past_its_lease_does_not_touch_its_successors_work(scene: Scene) -> None:
    """Acceptance 11: somebody else has the task by then, and has finished it."""
    scene.pause()
    finish(scene)
    before, branches = scene.task, scene.branches()
    assert before.state == "testing"
    assert before.commit
    assert before.commit in branches
    scene.wake()
    assert scene.task == before
    assert scene.branches() == branches
    assert scene.refusals()


def finish(scene: Scene) -> None:
    """The successor's work, by hand: claimed, committed, reported."""
    given = claim(scene.store, "coder-1", "coder", None)
    assert given
    tree = scene.repo.git("rev-parse", "main^{tree}")
    commit = scene.repo.git("commit-tree", "-p", "main", "-m", "in time", tree)
    branch = task_branch(given.task.key)
    scene.repo.git("branch", branch, commit)
    scene.repo.git("push", "-q", "origin", branch)
    key, token = given.task.key, str(given.token)
    scene.through.ok(
        "pull:record", "coder-1", "--task-id", key, "--token", token, "--branch", branch, "--commit", commit
    )


def kept_files(scene: Scene) -> str:
    """In what the clone and the agents' mirror keep besides branches."""
    folders = [scene.repo.path / ".git", *(Path.home() / ".cache/refactory").glob("mirror-*/repository.git")]
    listed = ""
    for folder in folders:
        for ref in Repo(folder).git("for-each-ref", "--format=%(refname)", "refs/refactory").split():
            listed += Repo(folder).git("ls-tree", "--name-only", ref)
    return listed


def test_over_http_a_late_holder_gets_409(refactory: Refactory, store: Store) -> None:
    planned(store, "One")
    given = claim(store, "coder-1", "coder", None)
    assert given
    expire(store, given.task.key)
    server = refactory.start("serve", "--port", "0")
    assert server.stdout
    url, token = server.stdout.readline().strip(), refactory.ok("token:show").out.strip()
    key, late = given.task.key, {"token": given.token}
    try:
        for path, body in (
            ("/agents/coder-1/prs", {"taskId": key, "commit": "0" * 40}),
            (f"/tasks/{key}/tests", {"commit": "0" * 40, "tests": {"verdict": "passed"}}),
            (f"/tasks/{key}/renew", {}),
            (f"/tasks/{key}/release", {}),
        ):
            problem = post(url + path, token, body | late)
            assert (problem["status"], problem["code"]) == (409, "conflict"), path
            assert "is over" in problem["detail"], path
    finally:
        server.kill()
        server.communicate()
    assert store.get(Task, key).state == "in_progress"


def post(url: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    """The problem that is the answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    problem: dict[str, Any] = json.loads(refused.value.read())
    return problem
