"""What is said of tasks that failed: why, and what to do, wherever they are summed up."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agents.tasks.reason import gist
from commands import _outcome, _summary, plan_status, task_inspect
from state.records import Landing, Launch, Task, Way
from state.store import Store
from tests.agents.finished import planned, task_titled
from tests.conftest import Repo

WHY = "The tests failed:\nno test command is configured or found: set test.command\n"


@pytest.fixture
def failed(store: Store) -> plan_status.Status:
    """Plan 1 with a failed task, and one that is completed, so that the plan is not over."""
    planned(store, "One", "Two")
    with store.transaction("test") as changes:
        changes.put(replace(task_titled(store, "One"), state="failed", feedback=WHY, attempts=3))
        changes.put(replace(task_titled(store, "Two"), state="completed", commit="0" * 40))
    return status(store)


def status(store: Store) -> plan_status.Status:
    return plan_status.run(store, plan_status.PlanStatus(id=1))


def test_every_summary_says_what_to_do(store: Store, failed: plan_status.Status) -> None:
    run = _outcome.text(_outcome.Result(stage="code", exit_code=7, status=failed))
    for said in (run, plan_status.text(failed), _summary.markdown(failed).replace("\\", "")):
        assert "set test.command" in said
        assert "`refactory task:inspect 1` says why; `refactory run 1` tries again" in said
    shown = task_inspect.text(task_inspect.run(store, task_inspect.TaskInspect(id=1)))
    assert "set test.command" in shown
    assert "`refactory task:retry 1` gives it its attempts again" in shown


def test_a_base_that_was_mended_meanwhile_is_pointed_at(
    repo: Repo, store: Store, failed: plan_status.Status
) -> None:
    assert "--again" not in plan_status.text(failed)
    repo.commit({"fix.py": "x = 1\n"}, "mend the base")
    now = status(store)
    assert now.target_moved
    assert "main has moved since" in plan_status.text(now)
    assert "`refactory plan:create 1 --again` plans anew from there" in plan_status.text(now)
    with store.transaction("test") as changes:
        changes.put(replace(changes.get(Task, 1), state="assigned"))
    assert not status(store).target_moved, "somebody is at work"


def test_a_gist_is_short() -> None:
    assert gist("\n\n one \n\ntwo\n3\n4\n5\n") == ["one", "two", "3", "4"]
    assert len(gist("x" * 10_000)[0]) < 400


@pytest.mark.parametrize(
    ("how", "state", "where"),
    [
        ("merge", "merged", "into main"),
        ("push", "pushed", "to refactory/plans/1"),
        ("pull-request", "proposed", "to refactory/plans/1"),
        ("command", "delivered", "for main"),
    ],
)
def test_what_a_launch_did_is_said(
    store: Store, failed: plan_status.Status, how: Way, state: str, where: str
) -> None:
    branches = {"merge": ["main"], "command": []}.get(how, ["refactory/plans/1"])
    landing = Landing(how=how, target_branch="main", before="0" * 40, commit="1" * 40, branches=branches)
    launch = Launch(key="1-aaaaaaaa", plan="", orchestration="", landing=landing)
    now = replace(failed, launch=launch, tasks=[replace(task, state="merged") for task in failed.tasks])
    run = _outcome.text(_outcome.Result(stage="launch", exit_code=0, status=now))
    assert f"1 {state}: One" in run
    assert "next" not in run
    assert f"1   {state}" in plan_status.text(now)
    said = _summary.markdown(now)
    assert f"{how} {where}" in said
    assert f"| {state} |" in said
