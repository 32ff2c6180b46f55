"""kill -9 in the middle of git: the next run works, and nothing is to be done by hand."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.diagnosis.checkup import diagnose
from agents.launcher import landing, launch
from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.reconciler import reconcile
from agents.reviewer import review
from agents.state_in_git.commit import commit_state
from agents.tasks.work import Role
from agents.workers.worker import Worker
from agents.worktrees.presence import working
from agents.worktrees.workspace import local
from commands._context import Context
from commands._ledger import OperationLedger
from state.lifecycle import SETTLED
from state.records import Plan, Request, Task
from state.store import Store
from tests.conftest import Repo, answers, new_file
from tests.state.faults import Say, child, said
from tests.state.tracing import can_trace

pytestmark = pytest.mark.slow

# In place of git. At the call whose number is in the file `at`, git ends so, and with it whoever called it.
GIT = """\
#!/bin/sh
[ -n "$KILL" ] || exec {git} "$@"
case " $* " in
*" worktree add "* | *" read-tree "* | *" clean "* | *" add "* | *" write-tree "* | *" commit-tree "* | \\
*" merge-tree "* | *" hash-object "* | *" update-index "* | *" update-ref "*) ;;
*) exec {git} "$@" ;;
esac
echo "$*" >> {folder}/calls
[ "$(wc -l < {folder}/calls)" = "$KILL" ] || exec {git} "$@"
exec 3<&0
case $HOW in
before) ;;
rename) strace -f -qq -o {folder}/trace -e trace=rename -e inject=rename:signal=KILL {git} "$@" <&3 ;;
after) {git} "$@" <&3 ;;
*) {git} "$@" <&3 & sleep "$HOW" ;;
esac
echo "$KILL" > {folder}/killed
kill -9 $! $PPID $$
"""
CONFIG = """\
agents: 1
testers: 1
durability: fast
coder:
  backend: scripted
  answers: .git/answers
test:
  command: "true"
"""
# The worst moment: git has its locks and all that is to move in its place, and has not moved it.
WORST = pytest.param("rename", marks=pytest.mark.skipif(not can_trace(), reason="no strace"))
FEWEST = 25  # calls of git that change something, in a run with one task


@pytest.fixture
def killing_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "killing"
    folder.mkdir()
    (folder / "git").write_text(GIT.format(git=shutil.which("git"), folder=folder))
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def planned(repo: Repo, store: Store, number: int) -> Plan:
    answers(repo, **{f"change_{number}": new_file(f"{number}.txt", "x\n")})
    with store.transaction("request:create") as changes:
        request = changes.new(Request, title=f"Change {number}")
    return plan(store, request.key, f"## Change {number}\nscope: {number}.txt\n", None)


def run(folder: Path, key: str) -> None:
    """All stages, in one process: a run of the program has many more to start, and each costs more than git."""
    context = Context(folder)
    store = context.store
    if store.get(Plan, key).state != "done":
        orchestrate(store, key, None, None, None, None)
        with working(local(store)):
            work(context, key)
            land(store, key)
    commit_state(store, None)


def work(context: Context, key: str) -> None:
    store, workspace = context.store, local(context.store)
    roles: list[Role] = ["coder", "tester"]
    agents = [
        Worker(f"{role}-1", role, OperationLedger(context, key), lambda _: workspace, context.folder)
        for role in roles
    ]
    while not all(store.get(Task, task).state in SETTLED for task in store.get(Plan, key).tasks):
        for agent in agents:
            agent.work(once=True)


def land(store: Store, key: str) -> None:
    reconcile(store, key)
    if store.get(Plan, key).state != "done":
        review(store, key)
        found = store.get(Plan, key)
        launch(store, found, *landing(store, found, "merge", None, False), None)


def attempt(repo: Repo, key: str, kill: int, how: str) -> str:
    """What was wrong in the end, as far as anybody lived to see it; `kill`: 0 for nobody."""

    def work(say: Say) -> None:
        os.environ |= {"KILL": str(kill), "HOW": how}
        run(repo.path, key)
        os.environ["KILL"] = ""
        say(
            ", ".join(
                f"{one.problem.check}: {one.problem.message}" for one in diagnose(Store.open(repo.path))
            )
        )

    with child(work) as (_, reading):
        return said(reading)


def check(repo: Repo, rounds: int) -> None:
    made = repo.git("log", "main", "--no-merges", "--format=%(trailers:key=Refactory-Task,valueonly)").split()
    assert len(made) == len(set(made)) == rounds, "one commit for each task"
    assert repo.git("status", "--porcelain") == ""
    assert not list((repo.path / ".git").glob("**/*.lock"))
    repo.git("commit", "-q", "--allow-empty", "-m", "by hand")


@pytest.mark.parametrize("how", ["before", "0.002", WORST, "after"])
def test_killed_in_the_middle_of_git(repo: Repo, store: Store, killing_git: Path, how: str) -> None:
    """Acceptance 12, a part of the hundred kills: at each call that changes something."""
    (repo.path / ".refactory" / "config.yaml").write_text(CONFIG)
    kills, number, killed = 0, 0, True
    while killed:
        number += 1
        key = planned(repo, store, number).key
        (killing_git / "calls").unlink(missing_ok=True)
        (killing_git / "killed").unlink(missing_ok=True)
        left = attempt(repo, key, number, how)
        killed = (killing_git / "killed").exists()
        kills += killed
        if killed:
            began = time.monotonic()
            left = attempt(repo, key, 0, "")
            assert time.monotonic() - began < 10
        call = (killing_git / "calls").read_text().splitlines()[number - 1 : number]
        assert left == "\n", f"killed in {call}: {left}"
        check(repo, number)
    assert kills >= FEWEST
