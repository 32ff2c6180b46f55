from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from agents.launch.intent import intended
from agents.launch.merge import merge
from agents.launcher import landing, launch
from agents.reconciler import reconcile
from agents.reviewer import review
from agents.worktrees.workspace import local
from state.errors import Busy, Conflict, RefactoryError, Unavailable
from state.records import Launch, Plan, Request, Task
from state.store import Store
from tests.agents.finished import complete, planned
from tests.conftest import Repo


@pytest.fixture
def ready(repo: Repo, store: Store, tmp_path: Path) -> Plan:
    """Combined, approved, with a bare origin."""
    (repo.path / ".refactory" / "config.yaml").write_text("test:\n  command: 'true'\n")
    repo.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "origin.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    repo.git("push", "-q", "origin", "main")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"one.txt": "1\n"})
    complete(store, repo, "Two", {"two.txt": "2\n"})
    reconcile(store, plan.key)
    assert review(store, plan.key).verdict == "approved"
    return store.get(Plan, plan.key)


def land(store: Store, plan: Plan, how: Literal["merge", "push"], push_target: bool = False) -> Launch:
    planned_landing, found = landing(store, plan, how, None, push_target)
    return launch(store, plan, planned_landing, found, None)[0]


def origin(repo: Repo, ref: str) -> str:
    return repo.git("ls-remote", "origin", f"refs/heads/{ref}").partition("\t")[0]


def test_merge_moves_the_branch_and_closes_everything(repo: Repo, store: Store, ready: Plan) -> None:
    done = land(store, ready, "merge")
    assert repo.git("rev-parse", "main") == done.landing.commit
    assert (repo.path / "one.txt").read_text() == "1\n"
    assert {task.state for task in store.all(Task)} == {"merged"}
    assert (store.get(Plan, ready.key).state, store.get(Request, ready.request).state) == ("done", "done")
    assert land(store, ready, "merge") == done


def test_a_target_that_moved_is_refused_until_it_is_tested_again(
    repo: Repo, store: Store, ready: Plan
) -> None:
    theirs = repo.commit({"theirs.txt": "x\n"})
    with pytest.raises(Conflict, match="has moved"):
        land(store, ready, "merge")
    assert repo.git("rev-parse", "main") == theirs
    reconcile(store, ready.key)
    with pytest.raises(Conflict, match="not reviewed"):
        land(store, ready, "merge")
    review(store, ready.key)
    land(store, ready, "merge")
    assert {"theirs.txt", "one.txt", "two.txt"} <= set(repo.git("ls-tree", "--name-only", "main").split())


def test_push_brings_the_branch_and_if_asked_the_target(repo: Repo, store: Store, ready: Plan) -> None:
    main = repo.git("rev-parse", "main")
    done = land(store, ready, "push")
    assert origin(repo, done.landing.branches[0]) == done.landing.commit
    assert origin(repo, "main") == main


def test_push_target_fast_forwards_the_remote(repo: Repo, store: Store, ready: Plan) -> None:
    done = land(store, ready, "push", push_target=True)
    assert origin(repo, "main") == done.landing.commit
    assert repo.git("rev-parse", "main") == done.landing.before, "the local branch is the user's"


def test_a_remote_target_that_moved_is_refused_and_nothing_is_pushed(
    repo: Repo, store: Store, ready: Plan
) -> None:
    repo.git("checkout", "-q", "--detach")
    theirs = repo.commit({"theirs.txt": "x\n"})
    repo.git("push", "-q", "origin", f"{theirs}:refs/heads/main")
    repo.git("checkout", "-q", "main")
    with pytest.raises(Conflict, match="has moved") as raised:
        land(store, ready, "push", push_target=True)
    assert "`git switch main && git pull origin main`" in raised.value.hint
    assert origin(repo, "main") == theirs
    assert origin(repo, f"refactory/plans/{ready.key}") == ""


def test_a_remote_target_that_is_behind_has_not_moved_and_the_push_that_helps_is_named(
    repo: Repo, store: Store, ready: Plan
) -> None:
    repo.commit({"mine.txt": "not pushed yet\n"})
    reconcile(store, ready.key)
    review(store, ready.key)
    with pytest.raises(Conflict, match="that the combination was tested on") as raised:
        land(store, ready, "push", push_target=True)
    assert ", behind " in raised.value.message
    repo.git(*raised.value.hint.partition(": git ")[2].split())
    done = land(store, ready, "push", push_target=True)
    assert origin(repo, "main") == done.landing.commit


def test_the_first_push_to_a_new_remote_makes_the_target_there(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    repo.git("init", "-q", "--bare", str(tmp_path / "new.git"))
    repo.git("remote", "set-url", "origin", str(tmp_path / "new.git"))
    repo.git("push", "-q", "origin", "main:refs/heads/refactory/tasks/1")
    done = land(store, ready, "push", push_target=True)
    assert origin(repo, "main") == done.landing.commit


def test_a_target_that_somebody_makes_meanwhile_is_not_overwritten(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    new = tmp_path / "new.git"
    repo.git("init", "-q", "--bare", str(new))
    repo.git("remote", "set-url", "origin", str(new))
    main = repo.git("rev-parse", "main")
    receive = tmp_path / "receive"  # what git starts at the remote: somebody is faster by a moment
    receive.write_text(
        f"#!/bin/sh\ngit -C {new} fetch -q {repo.path} main:main\nexec git-receive-pack {new}\n"
    )
    receive.chmod(0o700)
    repo.git("config", "remote.origin.receivepack", str(receive))
    with pytest.raises(Conflict, match="somebody else pushed meanwhile") as raised:
        land(store, ready, "push", push_target=True)
    assert "`git switch main && git pull origin main`" in raised.value.hint
    assert origin(repo, "main") == main


def test_a_remote_that_has_other_branches_gets_no_new_one_by_mistake(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    Repo(tmp_path / "origin.git").git("branch", "-m", "main", "trunk")
    with pytest.raises(Conflict, match="origin has no branch main"):
        land(store, ready, "push", push_target=True)
    assert origin(repo, "main") == ""


def test_a_relative_url_starts_at_the_working_tree(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    repo.git("remote", "set-url", "origin", "../origin.git")
    done = land(store, ready, "push", push_target=True)
    assert done.landing.remote == str(tmp_path / "origin.git")
    assert origin(repo, "main") == done.landing.commit


def test_a_remote_that_is_gone_is_a_clear_error(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    (tmp_path / "origin.git").rename(tmp_path / "elsewhere.git")
    with pytest.raises(Unavailable, match="origin"):
        land(store, ready, "push")
    assert store.all(Launch) == []


def test_what_is_not_approved_is_not_launched(repo: Repo, store: Store) -> None:
    (repo.path / ".refactory" / "config.yaml").write_text("test:\n  command: 'true'\n")
    plan = planned(store, "One")
    with pytest.raises(Conflict, match="no combination"):
        land(store, plan, "merge")
    complete(store, repo, "One", {"secret.py": "key = 'AKIAABCDEFGHIJKLMNOP'\n"})
    reconcile(store, plan.key)
    assert review(store, plan.key).verdict == "rejected"
    with pytest.raises(Conflict, match="rejected"):
        land(store, plan, "merge")


def test_a_git_folder_elsewhere_is_found(repo: Repo, store: Store, ready: Plan, tmp_path: Path) -> None:
    repo.git("init", "-q", "--separate-git-dir", str(tmp_path / "elsewhere"))
    done = land(Store.open(repo.path), ready, "merge")
    assert repo.git("rev-parse", "main") == done.landing.commit
    assert repo.git("status", "--short", "--untracked-files=no") == ""


def test_a_linked_worktree_that_names_its_git_folder_relatively_follows(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    repo.git("checkout", "-q", "--detach")
    linked = Repo(tmp_path / "linked")
    repo.git("worktree", "add", "-q", str(linked.path), "main")
    linked.write({".git": "gitdir: ../repo/.git/worktrees/linked\n"})
    land(store, ready, "merge")
    assert (linked.path / "one.txt").read_text() == "1\n"
    assert not (repo.path / "one.txt").exists()
    assert linked.git("status", "--short") == ""


def test_a_launch_from_a_linked_worktree_updates_the_main_one(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    repo.git("init", "-q", "--separate-git-dir", str(tmp_path / "elsewhere"))
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    (repo.path / ".refactory").rename(tmp_path / "linked" / ".refactory")
    linked = Store.open(tmp_path / "linked")
    with pytest.raises(Conflict, match="no working tree"):
        land(linked, ready, "merge")
    repo.git("config", "core.worktree", str(repo.path))
    land(linked, ready, "merge")
    assert (repo.path / "one.txt").read_text() == "1\n"


def test_a_recorded_launch_is_no_proof_that_it_is_still_there(repo: Repo, store: Store, ready: Plan) -> None:
    done = land(store, ready, "merge")
    repo.git("reset", "-q", "--hard", done.landing.before)
    assert land(store, ready, "merge") == done
    assert repo.git("rev-parse", "main") == done.landing.commit
    repo.git("reset", "-q", "--hard", done.landing.before)
    repo.commit({"theirs.txt": "x\n"})
    with pytest.raises(Conflict, match="has moved"):
        land(store, ready, "merge")


def test_a_recorded_push_is_looked_for_at_the_remote(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    done = land(store, ready, "push", push_target=True)
    branch, remote = done.landing.branches[0], Repo(tmp_path / "origin.git")
    remote.git("update-ref", "-d", f"refs/heads/{branch}")
    assert land(store, ready, "push", push_target=True) == done
    assert origin(repo, branch) == done.landing.commit
    tree = remote.git("rev-parse", "main^{tree}")
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    later = remote.git(*identity, "commit-tree", tree, "-p", "main", "-m", "more")
    remote.git("update-ref", "refs/heads/main", later)
    assert land(store, ready, "push", push_target=True) == done
    assert origin(repo, "main") == later


def test_a_launch_that_cannot_move_the_branch_changes_nothing(repo: Repo, store: Store, ready: Plan) -> None:
    main = repo.git("rev-parse", "main")
    (repo.path / "calc.py").write_text("mine = 1\n")
    stale = repo.path / ".git" / "refs" / "heads" / "main.lock"
    stale.touch()
    with pytest.raises(RefactoryError, match=r"main\.lock"):
        land(store, ready, "merge")
    stale.unlink()
    assert repo.git("rev-parse", "main") == main
    assert repo.git("status", "--short", "--", ":!.refactory") == "M calc.py"
    assert not (repo.path / "one.txt").exists()
    land(store, ready, "merge")
    assert (repo.path / "calc.py").read_text() == "mine = 1\n"


def test_a_working_tree_that_refuses_keeps_the_others_where_they_are(
    repo: Repo, store: Store, ready: Plan, tmp_path: Path
) -> None:
    second = Repo(tmp_path / "second")
    repo.git("worktree", "add", "-q", "--force", str(second.path), "main")
    second.write({"one.txt": "in the way\n"})
    with pytest.raises(Conflict, match=r"one\.txt"):
        land(store, ready, "merge")
    assert repo.git("status", "--short", "--", ":!.refactory") == ""
    assert not (repo.path / "one.txt").exists()


def test_two_launches_at_once_are_recorded_once(store: Store, ready: Plan) -> None:
    planned_landing, found = landing(store, ready, "merge", None, False)
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(launch, Store.open(store.location.root), ready, planned_landing, found, None)
            for _ in range(2)
        ]
        assert both[0].result() == both[1].result()
    assert len(store.all(Launch)) == 1


def test_a_launch_that_is_killed_after_the_merge_is_recorded_by_the_next_run(
    repo: Repo, store: Store, ready: Plan
) -> None:
    planned_landing, found = landing(store, ready, "merge", None, False)
    with intended(store.location.private, ready.key, planned_landing, found.key):
        merge(store.location, local(store), planned_landing)
        note = next((store.location.private / "launching").iterdir())
        kept = note.read_bytes()
    note.write_bytes(kept)  # as a kill leaves it
    reconcile(store, ready.key)
    (launch_record,) = store.all(Launch)
    assert (launch_record.landing, launch_record.review) == (planned_landing, found.key)
    assert store.get(Plan, ready.key).state == "done"
    assert not note.exists()


@pytest.mark.parametrize("end", [SystemExit(143), KeyboardInterrupt(), Busy("the lock is held")])
def test_a_launch_that_ends_between_the_merge_and_its_record_is_recorded_by_the_next_run(
    repo: Repo, store: Store, ready: Plan, end: BaseException
) -> None:
    planned_landing, found = landing(store, ready, "merge", None, False)
    with pytest.raises(type(end)), intended(store.location.private, ready.key, planned_landing, found.key):
        merge(store.location, local(store), planned_landing)
        raise end
    reconcile(store, ready.key)
    assert [one.landing for one in store.all(Launch)] == [planned_landing]
    assert store.get(Plan, ready.key).state == "done"
    assert not [*(store.location.private / "launching").iterdir()]


def test_a_launch_that_is_killed_before_the_merge_has_done_nothing(
    repo: Repo, store: Store, ready: Plan
) -> None:
    planned_landing, found = landing(store, ready, "merge", None, False)
    with intended(store.location.private, ready.key, planned_landing, found.key):
        note = next((store.location.private / "launching").iterdir())
        kept = note.read_bytes()
    note.write_bytes(kept)
    reconcile(store, ready.key)
    assert store.all(Launch) == []
    assert land(store, ready, "merge").landing == planned_landing
