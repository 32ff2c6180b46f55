from __future__ import annotations

from state.store import Store
from tests.agents.finished import planned, task_titled
from tests.conftest import Refactory


def test_a_revision_is_not_taken_as_a_branch(refactory: Refactory, store: Store) -> None:
    planned(store, "One")
    task = task_titled(store, "One").key
    for more in ((), ("--commit", "0" * 40)):
        done = refactory.run("pull:record", "coder-1", "--task-id", task, "--branch", "main~1", *more)
        assert (done.code, "no branch name" in done.err) == (2, True), done.err
