"""kill -9 at random moments: the next run finishes, nothing is done twice, nothing is lost or left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Refactory, Repo, new_file

pytestmark = pytest.mark.slow

TASKS = """\
## One
scope: one.py

## Two
scope: two.py

## Three
depends on: One, Two
scope: three.py

## Four
depends on: Three
scope: four.py
"""
MOMENTS = 10


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


@pytest.fixture
def ready(repo: Repo, refactory: Refactory, scripted: Any) -> Refactory:
    names = ("one", "two", "three", "four")
    scripted(**{name: new_file(f"{name}.py", f"{name} = 1\n") for name in names})
    refactory.ok("request:create", "--title", "Numbers")
    refactory.ok("plan:create", "1", "--from", "-", input=TASKS)
    return refactory


def check_finished(repo: Repo, refactory: Refactory) -> None:
    done = refactory.run("run", "1", "--json")
    assert done.code == 0, done.out + done.err
    assert [task["state"] for task in done.data["status"]["tasks"]] == ["merged"] * 4
    made = repo.git("log", "main", "--no-merges", "--format=%(trailers:key=Refactory-Task,valueonly)").split()
    assert len(made) == len(set(made)) == 4, "one commit for each task"
    assert repo.git("ls-tree", "--name-only", "main").split() == [
        "calc.py", "four.py", "one.py", "tests", "three.py", "two.py",
    ]  # fmt: skip
    pulls = list((repo.path / ".refactory" / "pulls").iterdir())
    assert len(pulls) == 4, "one completion for each task"
    wait_for_agents_to_leave(repo)
    assert refactory.run("doctor").out == "healthy\n"
    assert repo.git("worktree", "list").count("\n") == 0
    assert not list((repo.path / ".git").glob("**/*.lock")), "no lock of git's is left"


def wait_for_agents_to_leave(repo: Repo) -> None:
    """Those of the run that was killed end by themselves, and may take longer than the next run does."""
    deadline = time.monotonic() + 10
    while left := list(processes("-C", str(repo.path))):
        assert time.monotonic() < deadline, f"agents are left: {left}"
        time.sleep(0.05)


def run_until_killed(refactory: Refactory, delay: float, victim: tuple[str, ...] | None) -> None:
    run = refactory.start("run", "1")
    time.sleep(delay)
    if victim is None:
        kill(run.pid)
    else:
        for pid in processes("-C", str(refactory.folder.absolute()), *victim):
            kill(pid)
    try:
        run.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        run.kill()
        raise


@pytest.mark.parametrize("moment", range(MOMENTS))
@pytest.mark.parametrize(
    "victim", [None, ("agent:coder",), ("agent:tester",)], ids=["run", "coder", "tester"]
)
def test_killed(repo: Repo, ready: Refactory, victim: tuple[str, ...] | None, moment: int) -> None:
    delay = random.Random(f"{victim}{moment}").uniform(0.2, 3.0)
    run_until_killed(ready, delay, victim)
    check_finished(repo, ready)


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_server(repo: Repo, ready: Refactory, moment: int) -> None:
    """Agents and run work through the API; the server is killed, started again, and the run repeated."""
    repo.git("init", "-q", "--bare", "-b", "main", str(repo.path / ".git" / "origin"))
    repo.git("remote", "add", "origin", str(repo.path / ".git" / "origin"))
    repo.git("push", "-q", "origin", "main")
    server, url = serve(ready)
    through = Refactory(ready.folder, {"REF_API_URL": url})
    run = through.start("run", "1")
    time.sleep(random.Random(moment).uniform(0.2, 3.0))
    kill(server.pid)
    server.communicate()
    run.communicate(timeout=60)
    for pid in processes("--api-url", url):
        kill(pid)
    check_finished(repo, ready)


def serve(refactory: Refactory) -> tuple[subprocess.Popen[str], str]:
    server = refactory.start("serve", "--port", "0")
    assert server.stdout
    return server, server.stdout.readline().strip()
