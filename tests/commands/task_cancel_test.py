from __future__ import annotations

from msgspec.structs import replace

from state.records import Task
from state.store import Store
from tests.agents.finished import planned
from tests.conftest import Refactory


def test_an_old_failure_is_no_reason(store: Store, refactory: Refactory) -> None:
    planned(store, "One")
    with store.transaction("test") as changes:
        changes.put(replace(changes.get(Task, 1), feedback="The tests failed"))
    assert refactory.data("task:cancel", "1")["feedback"] == ""


def test_what_a_cancelled_task_blocks_keeps_no_plan_open_and_the_next_step_is_said(
    store: Store, refactory: Refactory
) -> None:
    planned(store, "One", "Two", after={"Two": ["One"]})
    refactory.ok("task:cancel", "1")
    refactory.ok("orchestrate", "1")
    status = refactory.ok("plan:status", "1").out
    assert "\nstate: failed\n" in status
    assert "task 2 depends on task 1, which is cancelled: `refactory task:retry 1` has that done" in status
    assert "`refactory task:cancel 2` gives task 2 up, too" in status
