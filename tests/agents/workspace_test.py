from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents.git import Repository
from agents.workspace import Workspace, local
from state.errors import Unavailable
from state.store import Store
from tests.conftest import Repo, make_repo


def workspace(repo: Repo, tmp_path: Path, remote: str) -> Workspace:
    git_dir = repo.path / ".git"
    return Workspace(Repository(git_dir), git_dir / "refactory", tmp_path / "cache", remote)


def test_a_recorded_remote_is_never_an_option(repo: Repo, tmp_path: Path) -> None:
    evil = workspace(repo, tmp_path, f"--upload-pack=touch {tmp_path}/pwned;:")
    with pytest.raises(Unavailable):
        evil.fetch("main")
    with pytest.raises(Unavailable):
        workspace(repo, tmp_path, f"--receive-pack=touch {tmp_path}/pwned;:").publish("main")
    assert not (tmp_path / "pwned").exists()


def test_a_fetch_leaves_only_its_branch(repo: Repo, tmp_path: Path) -> None:
    origin = make_repo(tmp_path / "origin")
    head = origin.commit({"a.txt": "1\n"})
    here = workspace(repo, tmp_path, str(origin.path))
    assert here.fetch("main") == head
    assert here.fetch("other") is None
    again = origin.commit({"a.txt": "2\n"})
    assert here.fetch("main") == again
    origin.git("reset", "-q", "--hard", head)
    assert here.fetch("main") == head
    refs = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory")
    assert refs == "refs/refactory/remote/main"
    assert not (repo.path / ".git" / "FETCH_HEAD").exists()


def test_a_configured_folder_is_not_shared_by_two_clones(repo: Repo, store: Store, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (repo.path / ".refactory" / "config.yaml").write_text(f"worktrees: {shared}\n")
    other = tmp_path / "other"
    shutil.copytree(repo.path, other)
    caches = [local(Store.open(folder)).cache for folder in (repo.path, other)]
    assert [cache.parent for cache in caches] == [shared, shared]
    assert caches[0] != caches[1]
