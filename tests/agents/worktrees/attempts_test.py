"""A task's branch is what its record says: only an accepted report moves it, here and at the remote."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.git.refs import attempt_ref, backup_ref, task_branch
from agents.worktrees.attempts import finished, offered, settle
from agents.worktrees.workspace import Workspace, local
from state.errors import Conflict
from state.records import Task
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Repo, make_repo


def made(repo: Repo, task: Task, content: str) -> str:
    """A commit that an attempt at the task has made on main, on no branch."""
    repo.git("checkout", "-q", "--detach", "main")
    repo.write({"a.txt": content})
    repo.git("add", "a.txt")
    repo.git("commit", "-qm", f"{task.title}\n\nRefactory-Attempt: {task.attempts}")
    commit = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "main")
    return commit


def ref(repo: Repo, name: str) -> str:
    return repo.git("rev-parse", "-q", "--verify", name, check=False)


@pytest.fixture
def task(store: Store) -> Task:
    planned(store, "A")
    return task_titled(store, "A")


@pytest.fixture
def origin(repo: Repo, tmp_path: Path) -> Repo:
    origin = make_repo(tmp_path / "origin")
    origin.git("config", "receive.denyCurrentBranch", "ignore")
    repo.git("push", "-q", str(origin.path), "main")
    return origin


def recorded(store: Store, task: Task, commit: str) -> Task:
    with store.transaction("test") as changes:
        return changes.put(replace(task, commit=commit, branch=task_branch(task.key)))


def test_the_branch_goes_to_what_the_record_says(repo: Repo, store: Store, task: Task) -> None:
    workspace, branch = local(store), task_branch(task.key)
    first, second = made(repo, task, "1\n"), made(repo, task, "2\n")
    for commit in (first, second):
        workspace.offer(branch, commit)
    recorded(store, task, first)
    settle(store, task.key)
    assert (ref(repo, branch), ref(repo, attempt_ref(branch, first))) == (first, "")
    recorded(store, task, second)
    settle(store, task.key)
    settle(store, task.key)
    assert (ref(repo, branch), ref(repo, backup_ref(task.key, first))) == (second, first)


def test_a_branch_that_is_checked_out_stays_and_nothing_is_lost(repo: Repo, store: Store, task: Task) -> None:
    workspace, branch = local(store), task_branch(task.key)
    first, second = made(repo, task, "1\n"), made(repo, task, "2\n")
    repo.git("checkout", "-q", "-b", branch, first)
    workspace.offer(branch, second)
    recorded(store, task, second)
    settle(store, task.key)
    assert (ref(repo, branch), ref(repo, attempt_ref(branch, second))) == (first, second)


def test_a_refused_commit_is_kept_and_not_taken_up_again(repo: Repo, store: Store, task: Task) -> None:
    workspace, branch = local(store), task_branch(task.key)
    commit = made(repo, task, "1\n")
    workspace.offer(branch, commit)
    with pytest.raises(Conflict), offered(workspace, task, commit):
        raise Conflict("late")
    assert (ref(repo, branch), ref(repo, backup_ref(task.key, commit))) == ("", commit)
    assert finished(task, repo.git("rev-parse", "main"), workspace.repository) is None


def test_what_a_killed_coder_had_finished_is_found(repo: Repo, store: Store, task: Task) -> None:
    workspace = local(store)
    start, commit = repo.git("rev-parse", "main"), made(repo, task, "1\n")
    workspace.offer(task_branch(task.key), commit)
    assert finished(task, start, workspace.repository) == commit
    assert finished(replace(task, attempts=7), start, workspace.repository) is None, "another attempt's"
    assert finished(task, commit, workspace.repository) is None, "it started from elsewhere"


def test_a_commit_that_was_sent_back_is_not_reported_again(repo: Repo, store: Store) -> None:
    """After a retry the attempts count from one again: the trailer alone says nothing."""
    planned(store, "A")
    done = complete(store, repo, "A", {"a.txt": "x\n"})
    workspace = local(store)
    workspace.offer(done.branch or "", done.commit or "")
    assert finished(replace(done, attempts=1), repo.git("rev-parse", "main"), workspace.repository) is None


def at(store: Store, origin: Repo) -> Workspace:
    return local(store, str(origin.path))


def test_the_remotes_branch_follows_what_is_accepted(
    repo: Repo, store: Store, task: Task, origin: Repo
) -> None:
    workspace, branch = at(store, origin), task_branch(task.key)
    for commit in (made(repo, task, "1\n"), made(repo, task, "2\n")):
        workspace.offer(branch, commit)
        with offered(workspace, task, commit):
            task = recorded(store, task, commit)
        assert ref(origin, branch) == commit
        assert ref(origin, attempt_ref(branch, commit)) == commit, "for those that are told the commit"


def test_a_refused_commit_moves_nothing_at_the_remote(
    repo: Repo, store: Store, task: Task, origin: Repo
) -> None:
    workspace, branch = at(store, origin), task_branch(task.key)
    commit = made(repo, task, "1\n")
    workspace.offer(branch, commit)
    with pytest.raises(Conflict), offered(workspace, task, commit):
        raise Conflict("late")
    assert ref(origin, branch) == ""


def test_a_holder_that_was_late_to_push_leaves_what_the_next_one_pushed(
    repo: Repo, store: Store, task: Task, origin: Repo
) -> None:
    """The first one's report was accepted; it was paused before its push, and the task was done again."""
    workspace, branch = at(store, origin), task_branch(task.key)
    first, second = made(repo, task, "1\n"), made(repo, task, "2\n")
    workspace.offer(branch, first)
    with offered(workspace, task, first):
        workspace.offer(branch, second)
        with offered(workspace, replace(task, commit=first), second):
            pass
    assert ref(origin, branch) == second


def test_a_commit_is_brought_from_the_remote_by_its_own_ref(
    repo: Repo, store: Store, task: Task, origin: Repo
) -> None:
    """The branch may be at another attempt's commit by then."""
    there = make_repo(origin.path.with_name("there"))
    there.git("pull", "-q", str(origin.path), "main")
    commit = made(there, task, "1\n")
    there.git("push", "-q", str(origin.path), f"{commit}:{attempt_ref(task_branch(task.key), commit)}")
    workspace = at(store, origin)
    workspace.bring(commit, task_branch(task.key))
    assert workspace.has(commit)
