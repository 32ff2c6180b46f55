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
