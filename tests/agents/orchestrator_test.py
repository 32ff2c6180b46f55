from __future__ import annotations

from pathlib import Path

import pytest

from agents.git.repository import Repository
from agents.git.target import remote_url
from agents.orchestrator import orchestrate
from agents.planner import plan
from state.errors import Conflict, UsageError
from state.records import Orchestration, Request
from state.store import Store
from tests.conftest import Refactory, Repo


@pytest.mark.parametrize(
    "remote", ["--upload-pack=touch pwned;:", "-x:/y", "ext::sh -c true", "foo+bar::x/y"]
)
def test_what_git_would_run_is_no_remote(repo: Repo, remote: str) -> None:
    with pytest.raises(UsageError, match="no remote"):
        remote_url(Repository(repo.path / ".git"), remote)


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("https://host/x.git", "https://host/x.git"),
        ("https://token@host/x.git", "https://host/x.git"),
        ("https://user:secret@host:8443/x", "https://host:8443/x"),
        ("https://user:p@ss@host/x", "https://host/x"),
        ("https://host/x@y", "https://host/x@y"),
        ("ssh://git@host:22/x", "ssh://git@host:22/x"),
        ("ssh://git:secret@host/x", "ssh://git@host/x"),
        ("git@host:group/x.git", "git@host:group/x.git"),
        ("git@[::1]:x.git", "git@[::1]:x.git"),
        ("file:///srv/x.git", "file:///srv/x.git"),
        ("/srv/x.git", "/srv/x.git"),
    ],
)
def test_a_recorded_remote_has_no_password(repo: Repo, given: str, recorded: str) -> None:
    git = Repository(repo.path / ".git")
    repo.git("remote", "add", "origin", given)
    assert remote_url(git, given) == recorded
    assert remote_url(git, "origin") == recorded


def test_the_target_is_the_branch_of_the_worktree_we_stand_in(
    repo: Repo, refactory: Refactory, tmp_path: Path
) -> None:
    feature = tmp_path / "feature"
    repo.git("add", ".refactory")
    repo.git("commit", "-qm", "records")
    repo.git("worktree", "add", "-q", "-b", "feature", str(feature))
    store = Store.open(feature)
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    made = plan(store, request.key, "## One\n", "template")
    assert orchestrate(store, made.key, 1, None, None, None)[0].target_branch == "feature"


def test_a_base_that_the_remote_lacks_is_refused_at_once(repo: Repo, store: Store, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    repo.git("init", "-q", "--bare", str(origin))
    repo.git("remote", "add", "origin", str(origin))
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    made = plan(store, request.key, "## One\n", "template")
    with pytest.raises(Conflict, match="is not at the remote"):
        orchestrate(store, made.key, 1, None, None, "origin")
    repo.git("push", "-q", "origin", "main")
    repo.git("push", "-q", "origin", f"{repo.commit({'more': 'x'})}:refs/heads/main")
    repo.git("reset", "-q", "--hard", "HEAD^")
    done, _ = orchestrate(store, made.key, 1, None, None, "origin")
    assert done.base == repo.git("rev-parse", "main"), "what is ahead there has it, too"


def test_a_remote_that_comes_later_needs_the_base_too(repo: Repo, store: Store, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    repo.git("init", "-q", "--bare", str(origin))
    repo.git("remote", "add", "origin", str(origin))
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    made = plan(store, request.key, "## One\n", "template")
    begun, _ = orchestrate(store, made.key, 1, None, None, None)
    with pytest.raises(Conflict, match="is not at the remote"):
        orchestrate(store, made.key, 1, None, None, "origin")
    assert store.get(Orchestration, begun.key).remote is None
    repo.git("push", "-q", "origin", "main")
    assert orchestrate(store, made.key, 1, None, None, "origin")[0].remote == str(origin)
