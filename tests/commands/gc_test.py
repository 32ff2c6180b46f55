"""`restore` lists and brings back, `gc` removes what has landed or is old: both say what."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agents.git.refs import backup_ref
from agents.launcher import landing, launch
from agents.reconciler import reconcile
from agents.reviewer import review
from state.records import Plan
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Refactory, Repo


def old_commit(repo: Repo, days: int) -> str:
    """Of a person or an agent, never merged anywhere."""
    then = f"@{int(time.time()) - days * 86400} +0000"
    env = {"GIT_COMMITTER_DATE": then, "GIT_AUTHOR_DATE": then}
    os.environ |= env
    try:
        return repo.git("commit-tree", "-p", "main", "-m", f"{days} days old", "main^{tree}")
    finally:
        for name in env:
            del os.environ[name]


@pytest.fixture
def landed(repo: Repo, store: Store) -> Plan:
    """One task has landed; the other one was sent back, and an older attempt of it is at a backup ref."""
    (repo.path / ".refactory" / "config.yaml").write_text("test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"same.txt": "1\n"})
    complete(store, repo, "Two", {"same.txt": "2\n"})
    reconcile(store, plan.key)
    review(store, plan.key)
    found = store.get(Plan, plan.key)
    launch(store, found, *landing(store, found, "merge", None, False), None)
    return found


def refs(repo: Repo) -> set[str]:
    listed = ("refs/heads/refactory", "refs/refactory/backup")
    return set(repo.git("for-each-ref", "--format=%(refname)", *listed).split())


def test_only_what_has_landed_is_removed(
    repo: Repo, store: Store, refactory: Refactory, landed: Plan
) -> None:
    one, two = task_titled(store, "One"), task_titled(store, "Two")
    for days in (5, 50):
        commit = old_commit(repo, days)
        repo.git("update-ref", backup_ref(two.key, commit), commit)
    before = refs(repo)
    would = refactory.data("gc", "--dry-run")
    assert refs(repo) == before
    done = refactory.data("gc")
    assert [each["ref"] for each in done["removed"]] == [each["ref"] for each in would["removed"]]
    gone = before - refs(repo)
    assert f"refs/heads/refactory/tasks/{one.key}" in gone
    assert f"refs/heads/refactory/tasks/{two.key}" not in gone, "it is to be done again"
    why = {each["subject"]: each["why"] for each in done["removed"]}
    assert why["50 days old"] == "older than 30 days"
    assert "5 days old" not in why
    assert why["One"] == "landed on main"
    repo.git("merge-base", "--is-ancestor", one.commit or "", "main")
    assert refactory.data("gc")["removed"] == []


def test_a_branch_that_is_checked_out_stays(
    repo: Repo, store: Store, refactory: Refactory, landed: Plan, tmp_path: Path
) -> None:
    one = task_titled(store, "One")
    repo.git("worktree", "add", "-q", str(tmp_path / "mine"), f"refactory/tasks/{one.key}")
    refactory.data("gc", "--days", "0")
    assert f"refs/heads/refactory/tasks/{one.key}" in refs(repo)


def test_a_backup_is_listed_and_brought_back(
    repo: Repo, store: Store, refactory: Refactory, landed: Plan
) -> None:
    two, commit = task_titled(store, "Two"), old_commit(repo, 5)
    repo.git("update-ref", backup_ref(two.key, commit), commit)
    (listed,) = [each for each in refactory.data("restore")["backups"] if each["commit"] == commit]
    assert (listed["task"], listed["subject"]) == (two.key, "5 days old")
    assert (
        f"{commit[:12]}  {listed['task'].partition('-')[0]}     {listed['made']}  "
        in refactory.ok("restore").out
    )
    assert refactory.data("restore", "--commit", commit[:8])["branch"] == f"restored/{commit[:12]}"
    assert repo.git("rev-parse", f"restored/{commit[:12]}") == commit
    refactory.ok("restore", "--commit", commit[:8])
    assert refactory.run("restore", "--commit", commit[:8], "--branch", "main").code == 4
    assert refactory.run("restore", "--commit", "0000000").code == 3
