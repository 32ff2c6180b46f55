"""Many coders, and somebody else who moves the target all the time: nothing is lost, and nothing forced."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Refactory, Repo, answers, new_file

pytestmark = pytest.mark.slow

TASKS, CODERS, ROUNDS = 24, 8, 3
CONFIG = "coder:\n  backend: scripted\n  answers: .git/answers\ntest:\n  command: 'true'\n"
LOCKED = re.compile(r"cannot lock ref|\.lock': File exists|could not lock")


@contextmanager
def moving(repo: Repo, other: Repo, name: str, moves: list[str]) -> Iterator[None]:
    """Another clone pushes to the target, again and again, at most so often that a run can get through."""
    over = threading.Event()

    def move() -> None:
        for number in range(4):
            if over.wait(1.0):
                return
            other.git("fetch", "-q", "origin")
            other.git("reset", "-q", "--hard", "origin/release")
            commit = other.commit({f"theirs/{name}-{number}.txt": "x\n"}, f"theirs {name} {number}")
            if "->" in other.git(
                "push", "--porcelain", "origin", "HEAD:release", check=False
            ) or commit in other.git("ls-remote", "origin", "refs/heads/release"):
                moves.append(commit)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.timeout(900)
def test_the_target_moves_while_many_coders_work(repo: Repo, refactory: Refactory, tmp_path: Path) -> None:
    """Acceptance 24: no lock error of git, no commit lost, combined anew or told of, never forced."""
    (repo.path / ".refactory" / "config.yaml").write_text(f"version: 1\ndurability: fast\n{CONFIG}")
    repo.git("branch", "release")
    repo.git("clone", "-q", str(repo.path), str(tmp_path / "other"))
    other = Repo(tmp_path / "other")
    other.git("config", "user.name", "Somebody")
    other.git("config", "user.email", "somebody@example.com")
    moves: list[str] = []
    said = ""
    for round_ in range(ROUNDS):
        names = [f"r{round_}t{number:02}" for number in range(TASKS)]
        answers(repo, **{name: new_file(f"{name}.txt", "x\n") for name in names})
        tasks = "".join(f"## {name}\nscope: {name}.txt\n\n" for name in names)
        run = ["run", "--title", f"Round {round_}", "--from", "-", "--agents", str(CODERS)]
        with moving(repo, other, str(round_), moves):
            done = refactory.start(*run, "--target-branch", "release", stdin=-1)
            out, err = done.communicate(tasks, timeout=280)
        said += out + err
        if done.returncode == 4:  # told of: it moved too often
            assert "has moved" in err
            again = refactory.ok("run", str(round_ + 1))
            said += again.out + again.err
        else:
            assert done.returncode == 0, err
    logs = (repo.path / ".git" / "refactory" / "logs").rglob("*.log")
    said += "".join(path.read_text(errors="replace") for path in logs)
    assert not LOCKED.search(said)
    there = set(repo.git("ls-tree", "--name-only", "release").split())
    assert {f"r{r}t{n:02}.txt" for r in range(ROUNDS) for n in range(TASKS)} <= there
    assert len(moves) >= ROUNDS, "it did move"
    for commit in moves:
        repo.git("merge-base", "--is-ancestor", commit, "release")
    heads = repo.git("reflog", "--format=%H", "release").splitlines()
    for new, old in pairwise(heads):
        repo.git("merge-base", "--is-ancestor", old, new)
    assert repo.git("fsck", "--connectivity-only", "--no-dangling") == ""
