"""Where a plan's work starts from, and what its remote must have."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.orchestrator import orchestrate
from agents.planner import plan
from state.errors import Conflict
from state.records import Orchestration, Request
from state.store import Store
from tests.conftest import Refactory, Repo


@pytest.fixture
def origin(repo: Repo, tmp_path: Path) -> Path:
    """An empty one."""
    path = tmp_path / "origin.git"
    repo.git("init", "-q", "--bare", str(path))
    repo.git("remote", "add", "origin", str(path))
    return path


def planned(store: Store) -> str:
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    return plan(store, request.key, "## One\n", "template").key


def test_the_target_is_the_branch_of_the_worktree_we_stand_in(
    repo: Repo, refactory: Refactory, tmp_path: Path
) -> None:
    feature = tmp_path / "feature"
    repo.git("add", ".refactory")
    repo.git("commit", "-qm", "records")
    repo.git("worktree", "add", "-q", "-b", "feature", str(feature))
    store = Store.open(feature)
    assert orchestrate(store, planned(store), 1, None, None, None)[0].target_branch == "feature"


@pytest.mark.usefixtures("origin")
def test_a_base_that_the_remote_lacks_is_refused_at_once(repo: Repo, store: Store) -> None:
    made = planned(store)
    with pytest.raises(Conflict, match="is not at the remote"):
        orchestrate(store, made, 1, None, None, "origin")
    repo.git("push", "-q", "origin", "main")
    repo.git("push", "-q", "origin", f"{repo.commit({'more': 'x'})}:refs/heads/main")
    repo.git("reset", "-q", "--hard", "HEAD^")
    done, _ = orchestrate(store, made, 1, None, None, "origin")
    assert done.base == repo.git("rev-parse", "main"), "what is ahead there has it, too"


def test_a_remote_that_comes_later_needs_the_base_too(repo: Repo, store: Store, origin: Path) -> None:
    made = planned(store)
    begun, _ = orchestrate(store, made, 1, None, None, None)
    with pytest.raises(Conflict, match="is not at the remote"):
        orchestrate(store, made, 1, None, None, "origin")
    assert store.get(Orchestration, begun.key).remote is None
    repo.git("push", "-q", "origin", "main")
    assert orchestrate(store, made, 1, None, None, "origin")[0].remote == str(origin)
