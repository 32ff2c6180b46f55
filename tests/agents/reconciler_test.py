from __future__ import annotations

from pathlib import Path

import pytest

from agents import planner
from agents.coder import starting_commit
from agents.orchestrator import orchestrate
from agents.reconciler import reconcile
from agents.tasks.completion import cancel, rework
from agents.tasks.dispatch import claim
from agents.worktrees.workspace import mirror
from state.errors import WorkFailed
from state.records import Outcome, Plan, Request, Task
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Repo

GREEN = 'test:\n  command: test ! -e red -a "$(cat part-* 2>/dev/null | wc -l)" -lt 2\n'


def configure(repo: Repo, text: str) -> None:
    (repo.path / ".refactory" / "config.yaml").write_text(text)


def outcome(store: Store, plan: str) -> Outcome:
    found = reconcile(store, plan).outcome
    assert found is not None
    return found


def titles(store: Store, keys: list[str]) -> list[str]:
    return [store.get(Task, key).title for key in keys]


def test_all_land_in_dependency_order_and_main_stays(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "Last", "First", after={"Last": ["First"]})
    complete(store, repo, "First", {"first.txt": "1\n"})
    complete(store, repo, "Last", {"last.txt": "2\n"})
    main = repo.git("rev-parse", "main")
    done = outcome(store, plan.key)
    assert (done.state, done.ejected, done.test_runs) == ("complete", [], 1)
    assert titles(store, [landed.task for landed in done.landed]) == ["First", "Last"]
    assert repo.git("rev-parse", done.branch) == done.commit
    assert {"first.txt", "last.txt"} <= set(repo.git("ls-tree", "--name-only", done.branch).split())
    assert repo.git("rev-parse", "main") == main == done.onto
    trailers = repo.git("log", "-1", "--format=%(trailers:key=Refactory-Task,valueonly)", done.branch)
    assert trailers.strip() == done.landed[-1].task


def test_the_same_branches_give_the_same_commit(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"one.txt": "1\n"})
    complete(store, repo, "Two", {"two.txt": "2\n"})
    assert outcome(store, plan.key).commit == outcome(store, plan.key).commit


def test_a_conflict_goes_back_on_top_of_what_landed(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two", "Three")
    complete(store, repo, "One", {"same.txt": "1\n"})
    complete(store, repo, "Two", {"same.txt": "2\n"})
    complete(store, repo, "Three", {"three.txt": "3\n"})
    done = outcome(store, plan.key)
    assert done.state == "partial"
    assert titles(store, [landed.task for landed in done.landed]) == ["One", "Three"]
    (ejected,) = done.ejected
    assert (ejected.reason, ejected.files) == ("conflict", ["same.txt"])
    two = task_titled(store, "Two")
    assert (two.state, two.base) == ("assigned", done.commit)
    assert "same.txt" in two.feedback
    complete(store, repo, "Two", {"same.txt": "1\n2\n"})
    again = outcome(store, plan.key)
    assert again.state == "complete"
    assert repo.show("same.txt", again.branch) == "1\n2"


@pytest.mark.parametrize("way", ["cancelled", "redone"])
def test_what_was_put_out_does_not_come_in_with_what_was_done_on_top_of_it(
    repo: Repo, store: Store, way: str
) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"same.txt": "1\n", "wrong.txt": "x\n"})
    complete(store, repo, "Two", {"same.txt": "2\n"})
    outcome(store, plan.key)
    complete(store, repo, "Two", {"same.txt": "1\n2\n"})
    one = task_titled(store, "One")
    if way == "cancelled":
        cancel(store, one.key, "it was wrong")
    else:
        rework(store, one.key, None, "it was wrong")
        complete(store, repo, "One", {"one.txt": "1\n"})
    done = outcome(store, plan.key)
    assert "Two" not in titles(store, [landed.task for landed in done.landed])
    (ejected,) = done.ejected
    assert (ejected.reason, ejected.detail) == (
        "dependency",
        "its branch holds an attempt of task 1 that was put out",
    )
    assert task_titled(store, "Two").attempts == 1, "not its fault: the attempt is given back"
    complete(store, repo, "Two", {"same.txt": "2\n"})
    again = outcome(store, plan.key)
    assert again.state == "complete"
    assert "wrong.txt" not in repo.git("ls-tree", "--name-only", again.branch).split()


def test_what_builds_on_an_ejected_task_is_not_landed_without_it(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: test ! -e bad.txt\n")
    plan = planned(store, "Bad", "On top", "Good", after={"On top": ["Bad"]})
    complete(store, repo, "Bad", {"bad.txt": "x\n"})
    complete(store, repo, "On top", {"top.txt": "x\n"})
    complete(store, repo, "Good", {"good.txt": "x\n"})
    done = outcome(store, plan.key)
    assert titles(store, [landed.task for landed in done.landed]) == ["Good"]
    assert {e.reason for e in done.ejected} == {"red", "dependency"}
    assert "bad.txt" not in repo.git("ls-tree", "--name-only", done.branch).split()
    assert task_titled(store, "On top").attempts == 0, "not its fault: the attempt is given back"


def test_what_came_after_a_culprit_is_done_again_and_lands(repo: Repo, store: Store) -> None:
    """Its branch holds the culprit's commit. It waits as long as that one may still finish."""
    configure(repo, "test:\n  command: test ! -e bad.txt\nbudgets:\n  attempts: 1\n")
    plan = serialised(store, "## Bad\nscope: '*.txt'\n\n## Next\nscope: '*.txt'\n\n## Good\nscope: good.md\n")
    bad = complete(store, repo, "Bad", {"bad.txt": "x\n"})
    complete(store, repo, "Next", {"next.txt": "x\n"}, base=bad.commit)
    complete(store, repo, "Good", {"good.md": "x\n"})
    done = outcome(store, plan.key)
    assert titles(store, [landed.task for landed in done.landed]) == ["Good"]
    assert {e.reason for e in done.ejected} == {"red", "dependency"}
    (red,) = [e.detail for e in done.ejected if e.reason == "red"]
    assert red.startswith("without it and what builds on it the other 1 are green")
    following = task_titled(store, "Next")
    assert (task_titled(store, "Bad").state, following.state, following.attempts) == ("failed", "assigned", 0)
    complete(store, repo, "Next", {"next.txt": "x\n"})
    done = outcome(store, plan.key)
    assert titles(store, [landed.task for landed in done.landed]) == ["Next", "Good"]
    assert "bad.txt" not in repo.git("ls-tree", "--name-only", done.branch).split()


def serialised(store: Store, tasks: str) -> Plan:
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    made = planner.plan(store, request.key, tasks, "template")
    orchestrate(store, made.key, 1, "main", None, None)
    return made


def test_a_red_target_blames_nobody(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'false'\n")
    plan = planned(store, "One")
    complete(store, repo, "One", {"one.txt": "x\n"})
    with pytest.raises(WorkFailed, match="no task is to blame"):
        reconcile(store, plan.key)
    assert task_titled(store, "One").state == "completed"


def test_a_task_that_changes_nothing_any_more_is_empty(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"same.txt": "x\n"})
    complete(store, repo, "Two", {"same.txt": "x\n"})
    done = outcome(store, plan.key)
    assert [e.reason for e in done.ejected] == ["empty"]
    assert done.state == "complete"


def test_acceptance_commands_hold_on_the_combination(repo: Repo, store: Store, tmp_path: Path) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"one.txt": "x\n"})
    complete(store, repo, "Two", {"two.txt": "x\n"})
    from msgspec.structs import replace

    with store.transaction("test") as changes:
        changes.put(replace(task_titled(store, "One"), acceptance=["test ! -e two.txt"]))
    done = outcome(store, plan.key)
    assert [titles(store, [e.task])[0] for e in done.ejected] == ["Two"]


def test_a_partial_plan_lands_what_is_completed(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"one.txt": "x\n"})
    done = outcome(store, plan.key)
    assert (done.state, [e.reason for e in done.ejected]) == ("partial", ["unfinished"])


def test_what_depends_on_an_empty_task_lands(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "A", "B", after={"B": ["A"]})
    complete(store, repo, "A", {"same.txt": "x\n"})
    complete(store, repo, "B", {"b.txt": "x\n"})
    repo.commit({"same.txt": "x\n"}, "the same, by somebody else")
    done = outcome(store, plan.key)
    assert ([e.reason for e in done.ejected], done.state) == (["empty"], "complete")
    assert titles(store, [landed.task for landed in done.landed]) == ["B"]


def test_a_red_verdict_is_not_believed_for_ever(repo: Repo, store: Store, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    configure(repo, f"test:\n  command: test -e {tool}\n")
    plan = planned(store, "One")
    complete(store, repo, "One", {"one.txt": "x\n"})
    with pytest.raises(WorkFailed):
        reconcile(store, plan.key)
    tool.touch()
    assert outcome(store, plan.key).state == "complete"


def test_what_is_in_the_target_already_needs_no_launch(repo: Repo, store: Store) -> None:
    """As after a kill between the launch's merge and its record."""
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"one.txt": "x\n"})
    complete(store, repo, "Two", {"two.txt": "x\n"})
    repo.git("merge", "-q", "--ff-only", outcome(store, plan.key).branch)
    done = outcome(store, plan.key)
    assert (done.state, done.landed) == ("complete", [])
    assert {task.state for task in store.all(Task)} == {"merged"}
    assert store.get(Plan, plan.key).state == "done"


def test_a_cancelled_task_is_not_missed(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One", "Two")
    complete(store, repo, "One", {"one.txt": "x\n"})
    cancel(store, task_titled(store, "Two").key, "not wanted")
    done = outcome(store, plan.key)
    assert (done.state, done.ejected) == ("complete", [])


def test_what_a_killed_agent_left_at_a_ref_of_its_own_is_backed_up(repo: Repo, store: Store) -> None:
    configure(repo, "test:\n  command: 'true'\n")
    plan = planned(store, "One")
    one = complete(store, repo, "One", {"one.txt": "x\n"})
    left = repo.git("commit-tree", "-p", "main", "-m", "left", "main^{tree}")
    repo.git("update-ref", f"refs/refactory/attempts/{one.key}/{left[:16]}", left)
    outcome(store, plan.key)
    assert repo.git("for-each-ref", "refs/refactory/attempts") == ""
    assert repo.git("rev-parse", f"refs/refactory/backup/{one.key}/{left[:16]}") == left


def test_who_works_elsewhere_gets_what_a_task_is_sent_back_onto(
    repo: Repo, store: Store, tmp_path: Path
) -> None:
    origin = tmp_path / "origin.git"
    repo.git("init", "-q", "--bare", str(origin))
    repo.git("remote", "add", "origin", str(origin))
    repo.git("push", "-q", "origin", "main")
    plan = planned(store, "One", "Two")
    orchestrate(store, plan.key, None, None, None, "origin")
    for title in ("One", "Two"):
        complete(store, repo, title, {"calc.py": f"{title}\n"})
    done = reconcile(store, plan.key).outcome
    given = claim(store, "coder-1", "coder", None)
    assert done and given and given.task.base == done.commit
    assert starting_commit(given, mirror(str(origin))) == done.commit
