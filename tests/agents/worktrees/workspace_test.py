from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from agents.git.refs import backup_ref
from agents.git.repository import Repository
from agents.git.target import remote_url
from agents.worktrees.workspace import Workspace, local
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
        workspace(repo, tmp_path, f"--receive-pack=touch {tmp_path}/pwned;:").push("main", "refs/heads/main")
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


def test_what_a_killed_fetch_left_goes_with_the_next_one(repo: Repo, tmp_path: Path) -> None:
    origin = make_repo(tmp_path / "origin")
    origin.commit({"a.txt": "1\n"})
    now = int(time.time())
    for began in ("by-hand", now - 86_400, now):
        repo.git("update-ref", f"refs/refactory/arriving/{began}-0123abcd", "main")
    workspace(repo, tmp_path, str(origin.path)).fetch("main")
    refs = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory").split()
    assert refs == [f"refs/refactory/arriving/{now}-0123abcd", "refs/refactory/remote/main"]


def test_locks_that_a_killed_git_left_on_our_refs_are_in_nobodys_way(repo: Repo, tmp_path: Path) -> None:
    origin = make_repo(tmp_path / "origin")
    head, first = origin.commit({"a.txt": "1\n"}), repo.git("rev-parse", "main")
    second = repo.commit({"b.txt": "2\n"})
    here = workspace(repo, tmp_path, str(origin.path))
    here.set_branch("refactory/tasks/1", first, "1")
    refs = (
        "refs/heads/refactory/tasks/1",
        backup_ref("1", first),
        backup_ref("1", second),
        "refs/refactory/remote/main",
    )
    for ref in refs:
        lock = repo.path / ".git" / f"{ref}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        os.utime(lock, (1, 1))
    assert here.fetch("main") == head
    here.keep("1", second)
    here.set_branch("refactory/tasks/1", head, "1")
    assert [repo.git("rev-parse", ref) for ref in refs] == [head, first, second, head]


def test_a_recorded_remote_is_no_relative_path(repo: Repo, tmp_path: Path) -> None:
    here = Repository(repo.path / ".git", repo.path)
    repo.git("remote", "add", "origin", "../origin.git")
    assert remote_url(here, "origin") == str(tmp_path / "origin.git")
    assert remote_url(here, "./x/../y") == str(repo.path / "y")
    for kept in ("host:path/to.git", "https://example.org/x.git", "/srv/x.git"):
        assert remote_url(here, kept) == kept


def test_a_configured_folder_is_not_shared_by_two_clones(repo: Repo, store: Store, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (repo.path / ".refactory" / "config.yaml").write_text(f"worktrees: {shared}\n")
    other = tmp_path / "other"
    shutil.copytree(repo.path, other)
    caches = [local(Store.open(folder)).cache for folder in (repo.path, other)]
    assert [cache.parent for cache in caches] == [shared, shared]
    assert caches[0] != caches[1]


@pytest.mark.parametrize("where", ["trees", "../trees"])
def test_a_configured_folder_starts_at_the_repository(repo: Repo, store: Store, where: str) -> None:
    """Git runs in the worktrees, too, where a relative folder would be another one."""
    (repo.path / ".refactory" / "config.yaml").write_text(f"worktrees: {where}\n")
    with local(Store.open(repo.path)).pool.checkout(repo.git("rev-parse", "main")) as worktree:
        worktree.path.joinpath("new.txt").write_text("x\n")
        assert worktree.snapshot()
        assert worktree.path.is_relative_to((repo.path / where).resolve())


def test_a_relative_cache_folder_is_ignored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG Base Directory Specification says."""
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert store.location.cache.parent == Path.home() / ".cache" / "refactory"
