"""A working tree whose move was killed half-way: brought back, and nobody's work is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agents.git.repository import Repository
from agents.worktrees.follow import following, undo_killed
from state.errors import Conflict, RefactoryError
from tests.conftest import Repo
from tests.state.faults import Say, child, said

NEW = {"new.txt": "new\n" * 9, "sub/deep.txt": "deep\n", "calc.py": "changed = 1\n"}


@pytest.fixture
def private(repo: Repo) -> Path:
    (repo.path / ".git" / "refactory").mkdir()
    return repo.path / ".git" / "refactory"


@pytest.fixture
def commits(repo: Repo) -> tuple[str, str]:
    """The old and the new one; the branch and the files are at the old one."""
    repo.commit({"gone.txt": "gone\n", "run.sh": "x\n"})
    old = repo.git("rev-parse", "HEAD")
    (repo.path / "run.sh").chmod(0o755)
    repo.git("rm", "-q", "gone.txt")
    new = repo.commit({**NEW, "run.sh": "y\n"})
    repo.git("reset", "-q", "--hard", old)
    return old, new


def killed(repo: Repo, private: Path, commits: tuple[str, str]) -> None:
    """When all is there, and only the branch has not moved."""

    def move(say: Say) -> None:
        with following(private, [repo.path], *commits):
            os.kill(os.getpid(), signal.SIGKILL)

    with child(move) as (_, reading):
        assert said(reading) == ""


def undo(repo: Repo, private: Path) -> str:
    undo_killed(Repository(repo.path / ".git", repo.path), private, repo.git("rev-parse", "main"))
    return repo.git("status", "--porcelain")


def go_on(repo: Repo, private: Path, commits: tuple[str, str]) -> None:
    with following(private, [repo.path], *commits):
        repo.git("update-ref", "refs/heads/main", commits[1])


def test_what_was_moved_is_brought_back(repo: Repo, private: Path, commits: tuple[str, str]) -> None:
    killed(repo, private, commits)
    assert (repo.path / "new.txt").exists()
    assert undo(repo, private) == ""
    go_on(repo, private, commits)
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("size", [0, 7])
def test_killed_before_the_index_was_written(
    repo: Repo, private: Path, commits: tuple[str, str], size: int
) -> None:
    """One file is written in part, one is gone, the others are as they will be."""
    killed(repo, private, commits)
    repo.git("read-tree", commits[0])
    os.truncate(repo.path / "new.txt", size)
    (repo.path / "calc.py").unlink()
    assert undo(repo, private) == ""
    go_on(repo, private, commits)
    assert repo.git("status", "--porcelain") == ""


def test_work_of_the_user_stays(repo: Repo, private: Path, commits: tuple[str, str]) -> None:
    killed(repo, private, commits)
    repo.write({"calc.py": "theirs\n", "new.txt": "theirs, too\n", "staged.txt": "s\n", "other.txt": "o\n"})
    repo.git("add", "staged.txt")
    undo(repo, private)
    go_on(repo, private, commits)
    assert repo.git("status", "--porcelain").splitlines() == [
        "M calc.py", " M new.txt", "A  staged.txt", "?? other.txt",
    ]  # fmt: skip
    assert (repo.path / "calc.py").read_text() == "theirs\n"
    assert (repo.path / "new.txt").read_text() == "theirs, too\n"


def test_work_of_the_user_on_the_old_state_stays(repo: Repo, private: Path, commits: tuple[str, str]) -> None:
    killed(repo, private, commits)
    repo.git("read-tree", commits[0])
    repo.write({"new.txt": "theirs\n"})
    undo(repo, private)
    with pytest.raises(Conflict, match=r"new\.txt"):
        go_on(repo, private, commits)
    assert repo.git("status", "--porcelain") == "?? new.txt"
    assert (repo.path / "new.txt").read_text() == "theirs\n"


def test_what_got_there_stays_there(repo: Repo, private: Path, commits: tuple[str, str]) -> None:
    killed(repo, private, commits)
    repo.git("update-ref", "refs/heads/main", commits[1])
    repo.commit({"later.txt": "l\n"})
    assert undo(repo, private) == ""
    assert (repo.path / "new.txt").exists()
    assert not (private / "following").exists()


def test_what_stops_half_way_is_taken_back(repo: Repo, private: Path, commits: tuple[str, str]) -> None:
    """As on a full disk, in a folder that is read-only, or with LFS away from its server."""
    attributes = repo.path / ".git" / "info" / "attributes"
    attributes.write_text("sub/* filter=away\n")
    repo.git("config", "filter.away.smudge", "false")
    repo.git("config", "filter.away.required", "true")
    repo.write({"mine.txt": "mine\n"})
    with pytest.raises(RefactoryError, match="filter 'false' failed") as stopped:
        go_on(repo, private, commits)
    assert "taken back" in stopped.value.hint
    assert repo.git("status", "--porcelain") == "?? mine.txt"
    attributes.unlink()
    go_on(repo, private, commits)
    assert repo.git("status", "--porcelain") == "?? mine.txt"
