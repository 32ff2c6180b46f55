"""Whose of git's own locks are removed after a kill, and whose are not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.git import lock as git_lock
from agents.git.lock import clear_killed, git_locked
from tests.conftest import Repo
from tests.state.faults import Say, child, said

LOCKS = ("packed-refs.lock", "index.lock", "refs/heads/main.lock")


@pytest.fixture
def git_dir(repo: Repo) -> Iterator[Path]:
    (repo.path / ".git" / "refactory").mkdir()
    yield repo.path / ".git"


def holder(git_dir: Path, work: Callable[[], object]) -> None:
    """Somebody who is killed while it holds the lock, after this work."""

    def die(say: Say) -> None:
        with git_locked(git_dir / "refactory" / "git-lock", "test", git_dir):
            work()
            os.kill(os.getpid(), signal.SIGKILL)

    with child(die) as (_, reading):
        assert said(reading) == ""


def lock_all(git_dir: Path) -> None:
    for name in LOCKS:
        (git_dir / name).touch()


def left(git_dir: Path) -> set[str]:
    """What is there for the next holder."""
    with git_locked(git_dir / "refactory" / "git-lock", "test", git_dir):
        return {name for name in LOCKS if (git_dir / name).exists()}


def test_locks_of_a_killed_holder_are_removed(git_dir: Path) -> None:
    holder(git_dir, lambda: lock_all(git_dir))
    assert left(git_dir) == set()


def test_they_are_removed_for_the_user_too(git_dir: Path) -> None:
    clear_killed(git_dir / "refactory" / "git-lock")
    holder(git_dir, lambda: lock_all(git_dir))
    clear_killed(git_dir / "refactory" / "git-lock")
    assert not any((git_dir / name).exists() for name in LOCKS)


def test_locks_that_were_there_before_are_somebody_elses(git_dir: Path) -> None:
    lock_all(git_dir)
    os.utime(git_dir / "index.lock", (1, 1))
    holder(git_dir, lambda: None)
    assert "index.lock" in left(git_dir)


def test_locks_made_long_after_the_kill_are_somebody_elses(git_dir: Path) -> None:
    holder(git_dir, lambda: None)
    lock_all(git_dir)
    os.utime(git_dir / "refactory" / "git-lock.work", (1, 1))
    assert left(git_dir) == set(LOCKS)
    assert left(git_dir) == set(LOCKS)


def test_locks_after_work_that_ended_well_are_somebody_elses(git_dir: Path) -> None:
    assert left(git_dir) == set()
    lock_all(git_dir)
    assert left(git_dir) == set(LOCKS)


def test_locks_of_a_failure_are_removed(git_dir: Path) -> None:
    """Git alone was killed: whoever called it has an error to raise."""
    with pytest.raises(RuntimeError), git_locked(git_dir / "refactory" / "git-lock", "test", git_dir):
        lock_all(git_dir)
        raise RuntimeError
    assert left(git_dir) == set()


@pytest.mark.parametrize("name", ["", "the folder above"])
def test_a_note_that_is_cut_off_names_no_folder(
    git_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By a full disk or a power cut: else `yarn.lock` would be taken for one of git's."""
    monkeypatch.chdir(git_dir.parent)
    holder(git_dir, lambda: None)
    (git_dir / "refactory" / "git-lock.work").write_bytes(os.fsencode(git_dir.parent) if name else b"")
    (git_dir.parent / "yarn.lock").touch()
    left(git_dir)
    assert (git_dir.parent / "yarn.lock").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="who works in a repository is told by /proc")
def test_while_a_git_is_at_work_there_its_locks_stay(git_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_lock, "_PATIENCE", 0.1)
    holder(git_dir, lambda: lock_all(git_dir))
    command = ["git", "cat-file", "--batch"]
    with subprocess.Popen(
        command, cwd=git_dir.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin and running.stdout
        running.stdin.write(b"HEAD\n")
        running.stdin.flush()
        running.stdout.readline()
        assert left(git_dir) == set(LOCKS)
        running.kill()
    assert left(git_dir) == set()
