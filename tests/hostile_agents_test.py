"""Coders that do what nobody would think of: their work is kept, and the next task is not harmed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agents.git import Repository
from agents.worktrees import Pool
from tests.conftest import Repo, make_repo


@pytest.fixture
def pool(repo: Repo, tmp_path: Path) -> Pool:
    git_dir = repo.path / ".git"
    return Pool(Repository(git_dir), tmp_path / "pool", git_dir / "refactory" / "git-lock")


def coded(repo: Repo, pool: Pool, script: str) -> list[str]:
    """The files that a coder's script adds to main."""
    head = repo.git("rev-parse", "main")
    with pool.checkout(head) as worktree:
        env = {**os.environ, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com"}
        env |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}
        subprocess.run(["sh", "-ec", script], cwd=worktree.path, env=env, check=True)
        tree = worktree.snapshot()
        assert worktree.snapshot() == tree
    return repo.git("diff-tree", "-r", "--name-only", head, tree).split()


NESTED = "mkdir -p sub; cd sub; git init -q; echo work >w.txt"


@pytest.mark.parametrize("more", ["", "git add .; git commit -qm x", "mkdir in; cd in; git init -q; echo >x"])
def test_the_files_of_a_repository_made_inside_are_committed(repo: Repo, pool: Pool, more: str) -> None:
    wanted = ["sub/in/x", "sub/w.txt"] if "in;" in more else ["sub/w.txt"]
    assert coded(repo, pool, f"{NESTED}; {more}") == wanted


def test_a_repository_inside_a_folder_of_the_commit(repo: Repo, pool: Pool) -> None:
    script = "cd tests; git init -q; echo >new.py; git add .; git commit -qm x"
    assert coded(repo, pool, script) == ["tests/new.py"]


def test_submodules_stay_submodules(repo: Repo, pool: Pool, tmp_path: Path) -> None:
    library = make_repo(tmp_path / "library")
    library.commit({"lib.py": "x = 1\n"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.path), "lib")
    repo.git("commit", "-qm", "submodule")
    clone = f"git clone -q {library.path} lib; {NESTED}; git add .; git commit -qm x"
    assert coded(repo, pool, clone) == ["sub/w.txt"]


def test_what_a_self_ignoring_gitignore_hides_is_committed(repo: Repo, pool: Pool) -> None:
    script = r"printf '*\n' >.gitignore; echo work >'important [1].txt'; mkdir d; echo >d/e"
    assert coded(repo, pool, script) == ["d/e", "important", "[1].txt"]


def test_caches_that_ignore_themselves_are_not_committed(repo: Repo, pool: Pool) -> None:
    cache = r"mkdir .cache; printf '*\n' >.cache/.gitignore; echo >.cache/x; echo >work"
    assert coded(repo, pool, cache) == ["work"]
    assert coded(repo, pool, r"printf 'build/\n' >.gitignore; mkdir build; echo >build/x") == [".gitignore"]
