"""Branches that will not merge are told of while other tasks are still at work."""

from __future__ import annotations

from agents.reconcile.foresight import Foresight
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Refactory, Repo


def test_a_pair_that_will_conflict_is_told_of_at_once(repo: Repo, store: Store, refactory: Refactory) -> None:
    repo.commit({"x.c": "a\nb\nc\n", "y.c": "a\nb\nc\n"})
    plan = planned(store, "One", "Two", "Three", "Four", "At work")
    complete(store, repo, "One", {"x.c": "a\none\nc\n"})
    complete(store, repo, "Two", {"x.c": "a\ntwo\nc\n"})
    complete(store, repo, "Three", {"y.c": "A\nb\nc\n"})
    complete(store, repo, "Four", {"y.c": "a\nB\nc\n"})
    foresight = Foresight(store, plan.key)
    before = repo.git("status", "--porcelain")
    (pair,) = foresight.look()
    assert pair.tasks == [task_titled(store, name).key for name in ("One", "Two")]
    assert pair.files == ["x.c"], "Three and Four only touch: a resolver merges them"
    status = refactory.data("plan:status", plan.key)
    assert [each["tasks"] for each in status["conflicts"]] == [pair.tasks]
    assert "1 and 2: x.c" in refactory.ok("plan:status", plan.key).out
    assert repo.git("status", "--porcelain") == before
    refactory.ok("task:rework", task_titled(store, "Two").key, "--reason", "again")
    assert refactory.data("plan:status", plan.key)["conflicts"] == [], "it is no longer that commit"
