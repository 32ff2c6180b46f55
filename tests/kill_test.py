"""kill -9 at random moments: the next run finishes, nothing is done twice, nothing is lost or left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agents.tasks.setbacks import LOST
from state.records import Task
from state.store import Store
from tests.conftest import Refactory, Repo, answers, new_file

pytestmark = pytest.mark.slow

TASKS = """\
## One {n}
scope: one{n}.py

## Two {n}
depends on: One {n}
scope: two{n}.py
"""
EACH = 5  # kills in one repository, of one run after the other
LAND = {"merge": [], "push": ["--as", "push", "--push-target"]}


def processes(*words: str) -> Iterator[int]:
    """The pids whose command line has all the words."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if all(word in line for word in words):
            yield int(entry.name)


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Work:
    """Requests of two tasks each; the next one is there when one is finished before enough was killed."""

    def __init__(self, repo: Repo, refactory: Refactory, how: str) -> None:
        self.repo, self.refactory = repo, refactory
        self.requests = 0
        self.options = LAND[how]
        self.branch = "main" if how == "merge" else "origin/main"
        self.next()

    def next(self) -> None:
        if self.requests and self.options:
            self.repo.git("pull", "-q", "--ff-only", "origin", "main")
        elif self.requests:  # agents elsewhere get the code from there
            self.repo.git("push", "-q", "origin", "main")
        self.requests += 1
        n = self.requests
        files = {f"{name}_{n}": new_file(f"{name}{n}.py", f"{name} = {n}\n") for name in ("one", "two")}
        answers(self.repo, **files)
        self.refactory.ok("request:create", "--title", f"Numbers {n}")
        self.refactory.ok("plan:create", str(n), "--from", "-", input=TASKS.format(n=n))

    def start(self, refactory: Refactory | None = None) -> subprocess.Popen[str]:
        return (refactory or self.refactory).start("run", str(self.requests), *self.options)

    def finish(self) -> None:
        done = self.refactory.run("run", str(self.requests), *self.options, "--json")
        assert done.code == 0, done.out + done.err
        assert [task["state"] for task in done.data["status"]["tasks"]] == ["merged"] * 2

    def check(self) -> None:
        """The same as if nobody had been killed: each task is done once, and landed once."""
        self.repo.git("fetch", "-q", "origin")
        for kind in ("--merges", "--no-merges"):
            made = self.repo.git(
                "log", self.branch, kind, "--format=%(trailers:key=Refactory-Task,valueonly)"
            ).split()
            assert len(made) == len(set(made)) == 2 * self.requests, f"one commit for each task: {kind}"
        numbers = range(1, self.requests + 1)
        files = {"calc.py", "tests", *(f"{name}{n}.py" for name in ("one", "two") for n in numbers)}
        assert set(self.repo.git("ls-tree", "--name-only", self.branch).split()) == files
        assert len(self.recorded("pulls")) == 2 * self.requests, "one completion for each task"
        assert len(self.recorded("launches")) == self.requests
        wait_for_agents_to_leave(self.repo)
        assert self.refactory.run("doctor").out == "healthy\n"
        assert self.repo.git("worktree", "list").count("\n") == 0
        assert not list((self.repo.path / ".git").glob("**/*.lock")), "no lock of git's is left"

    def states(self) -> str:
        """Changes whenever a task goes on."""
        return str([(task.key, task.state, task.attempts) for task in Store.open(self.repo.path).all(Task)])

    def recorded(self, folder: str) -> list[Path]:
        return list((self.repo.path / ".refactory" / folder).iterdir())


@pytest.fixture
def origin(repo: Repo, refactory: Refactory) -> None:
    repo.git("init", "-q", "--bare", "-b", "main", str(repo.path / ".git" / "origin"))
    repo.git("remote", "add", "origin", str(repo.path / ".git" / "origin"))
    repo.git("push", "-q", "origin", "main")


def wait_for_agents_to_leave(repo: Repo) -> None:
    """Those of the run that was killed end by themselves, and may take longer than the next run does."""
    deadline = time.monotonic() + 10
    while left := list(processes("-C", str(repo.path))):
        assert time.monotonic() < deadline, f"agents are left: {left}"
        time.sleep(0.05)


def ended(run: subprocess.Popen[str]) -> None:
    try:
        run.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        run.kill()
        raise


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("how", LAND)
def test_killed_run(repo: Repo, refactory: Refactory, how: str, seed: int) -> None:
    """Acceptance 10, five of the fifty kills: each next run is killed as well, until one is let finish."""
    work, random_ = Work(repo, refactory, how), random.Random(f"{how}{seed}")
    kills = 0
    while kills < EACH:
        run = work.start()
        with suppress(subprocess.TimeoutExpired):
            run.communicate(timeout=random_.uniform(0.2, 1.5))
            assert run.returncode == 0
            work.next()
            continue
        kill(run.pid)
        ended(run)
        kills += 1
    work.finish()
    work.check()


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("how", LAND)
@pytest.mark.parametrize("role", ["coder", "tester"])
def test_killed_agents(repo: Repo, refactory: Refactory, role: str, how: str) -> None:
    """All processes of a role, while the run goes on. Not thrice in one attempt: that is more than bad luck to it."""
    work, random_ = Work(repo, refactory, how), random.Random(f"{role}{how}")
    run, kills, met = work.start(), 0, Counter[str]()
    while kills < EACH:
        if run.poll() is not None:
            assert run.communicate() and run.returncode == 0
            work.next()
            run = work.start()
        victims = list(processes("-C", str(repo.path), f"agent:{role}"))
        if victims and met[work.states()] < LOST - 1:
            time.sleep(random_.uniform(0, 0.5))
            met[work.states()] += 1
            for pid in victims:
                kill(pid)
            kills += 1
        time.sleep(0.02)
    ended(run)
    work.finish()
    work.check()


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("how", LAND)
def test_killed_server(repo: Repo, refactory: Refactory, how: str) -> None:
    """Agents and run work through the API; the server is killed and started again, and the run when it gave up."""
    work, random_ = Work(repo, refactory, how), random.Random(how)
    with (repo.path / ".refactory" / "config.yaml").open("a", encoding="utf-8") as config:
        config.write(
            "leaseSeconds: 5\n"
        )  # of agents that a run which gave up left: nobody sees that they are gone
    server, url = serve(refactory, "0")
    through = Refactory(refactory.folder, {"REF_API_URL": url})
    run = work.start(through)
    for _ in range(EACH):
        time.sleep(random_.uniform(0.2, 2.0))
        kill(server.pid)
        server.communicate()
        server, _ = serve(refactory, url.rpartition(":")[2])
        if run.poll() is not None:
            run.communicate()
            if run.returncode == 0:
                work.next()
            run = work.start(through)
    ended(run)
    kill(server.pid)
    server.communicate()
    for pid in processes("--api-url", url):
        kill(pid)
    work.finish()
    work.check()


def serve(refactory: Refactory, port: str) -> tuple[subprocess.Popen[str], str]:
    server = refactory.start("serve", "--port", port)
    assert server.stdout
    return server, server.stdout.readline().strip()
