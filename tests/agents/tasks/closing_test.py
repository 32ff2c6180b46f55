"""A plan, and its request, are over with the last task that anything could be hoped of."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.tasks.cancellation import replace_others
from agents.tasks.completion import cancel, report, retry, rework
from agents.tasks.dispatch import claim
from agents.tasks.work import Report
from state import leases
from state.errors import Conflict
from state.records import Orchestration, Plan, Request, Task
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Repo


def fail(store: Store, title: str) -> None:
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    assert given.task.title == title
    report(store, "coder-1", given.task.key, given.token, Report(failure="no idea", final=True))


def states(store: Store) -> tuple[str, str]:
    return store.get(Plan, 1).state, store.get(Request, 1).state


def test_a_plan_whose_tasks_all_fail_is_failed_and_so_is_its_request(store: Store) -> None:
    planned(store, "One", "Two", "On two", after={"On two": ["Two"]})
    fail(store, "One")
    assert states(store) == ("orchestrated", "in_progress"), "there is another one to be hoped for"
    fail(store, "Two")
    assert store.get(Task, 3).state == "blocked"
    assert states(store) == ("failed", "failed")


def test_what_is_completed_may_still_land(repo: Repo, store: Store) -> None:
    planned(store, "One", "Two")
    one = complete(store, repo, "One", {"one.py": "1\n"})
    fail(store, "Two")
    assert states(store) == ("orchestrated", "in_progress")
    with store.transaction("test") as changes:
        changes.put(replace(one, attempts=3))
    rework(store, one.key, None, "It is red.")
    assert states(store) == ("failed", "failed"), "sent back once too often"


def test_orchestrated_again_it_starts_from_the_target_as_it_is_now(repo: Repo, store: Store) -> None:
    repo.git("branch", "release")
    made = planned(store, "One", target="release")
    fail(store, "One")
    repo.git("checkout", "-q", "release")
    mended = repo.commit({"fix.py": "x = 1\n"}, "mend the base")
    repo.git("checkout", "-q", "main")
    found, fresh = orchestrate(store, made.key, None, None, None, None)
    assert (fresh, found.target_branch, found.agents) == (True, "release", ["coder-1"])
    assert found.base == mended
    assert states(store) == ("orchestrated", "in_progress")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    assert (given.task.attempts, given.orchestration.base) == (1, mended)


def test_a_retried_task_can_be_worked_on_at_once(store: Store) -> None:
    planned(store, "One")
    fail(store, "One")
    retry(store, "1")
    assert claim(store, "coder-1", "coder", None) is not None


def test_a_plan_without_a_wanted_task_is_not_done(store: Store) -> None:
    made = planned(store, "One", "Two")
    fail(store, "One")
    cancel(store, "1", "")
    cancel(store, "2", "")
    assert states(store) == ("failed", "failed"), "nothing of it landed"
    with pytest.raises(Conflict, match="every task of plan 1 is cancelled"):
        orchestrate(store, made.key, None, None, None, None)


def test_a_replaced_plan_hands_out_nothing_and_its_agents_stop(repo: Repo, store: Store) -> None:
    planned(store, "One", "Two")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    new = plan(store, "1", "## Other\n", None, again=True)
    assert store.get(Plan, 1).state == "cancelled"
    assert {task.state for task in store.all(Task) if task.plan != new.key} == {"cancelled"}
    assert leases.find(store.location.private, given.task.key) is None
    with pytest.raises(Conflict):
        report(store, "coder-1", given.task.key, given.token, Report(commit="0" * 40))
    orchestrate(store, new.key, 1, "main", None, None)
    again = claim(store, "coder-1", "coder", None)
    assert again is not None
    assert again.task.title == "Other"


def test_a_task_that_another_branch_left_open_in_a_replaced_plan_is_not_handed_out(store: Store) -> None:
    planned(store, "One")
    with store.transaction("merge") as changes:
        kept = task_titled(store, "One")
        replace_others(changes, changes.new(Plan, request=store.get(Request, 1).key))
        changes.put(kept)
    assert store.get(Plan, 1).state == "cancelled"
    assert claim(store, "coder-1", "coder", None) is None


def test_of_two_plans_that_came_from_two_branches_the_one_that_is_asked_for_replaces_the_other(
    store: Store,
) -> None:
    planned(store, "One")
    with store.transaction("merge") as changes:
        request = changes.get(Request, 1)
        other = changes.new(Plan, request=request.key, state="approved")
        task = changes.new(Task, plan=other.key, title="Else")
        changes.put(replace(other, tasks=[task.key]))
    with pytest.raises(Conflict, match="plan 1 of the same request is orchestrated"):
        orchestrate(store, other.key, 1, "main", None, None)
    orchestrate(store, other.key, 1, "main", None, None, again=True)
    assert [made.state for made in store.all(Plan)] == ["cancelled", "orchestrated"]
    assert store.all(Orchestration)[-1].plan == other.key
