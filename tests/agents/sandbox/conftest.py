from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.git.repository import Repository
from agents.sandbox.bubblewrap import why_not
from agents.worktrees.pool import Pool
from tests.agents.sandbox.rooms import Room
from tests.conftest import Repo


@pytest.fixture
def free_room(repo: Repo, tmp_path: Path) -> Iterator[Room]:
    """A worktree; without walls unless the test says otherwise."""
    git_dir = repo.path / ".git"
    pool = Pool(Repository(git_dir), tmp_path / "pool", git_dir / "refactory" / "git-lock")
    with pool.checkout(repo.git("rev-parse", "main")) as worktree:
        yield Room(worktree, tmp_path / "log")


@pytest.fixture
def room(free_room: Room) -> Room:
    """The same with walls."""
    if why_not():
        pytest.skip(f"bubblewrap: {why_not()}")
    return free_room
