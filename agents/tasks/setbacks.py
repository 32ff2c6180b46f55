"""A task goes back to its coder with the reason, or fails when its attempts are used up."""

from __future__ import annotations

from msgspec.structs import replace

from agents.tasks.closing import put
from agents.tasks.dependents import block, end_lease
from agents.tasks.work import Role
from state.leases import Lease
from state.lifecycle import move
from state.records import Orchestration, Pull, Task, Usage
from state.transaction import Transaction

FEEDBACK = 20_000  # characters of output that go back to a coder
LOST = 3  # so many agents may die in one attempt: more than bad luck


def back_or_failed(
    changes: Transaction, task: Task, reason: str, base: str | None = None, final: bool = False
) -> Task:
    """To its coder again with the reason, or failed when its attempts are used up."""
    reason = reason[-FEEDBACK:]
    if task.attempts < _budget(changes, task) and not final:
        return move(task, "assigned", feedback=reason, base=base or task.base)
    block(changes, task)
    return move(task, "failed", feedback=reason)


def _budget(changes: Transaction, task: Task) -> int:
    if task.orchestration is None:
        return 1
    return changes.get(Orchestration, task.orchestration).budgets.attempts


def give_up_lost(changes: Transaction, task: Task, role: Role, lease: Lease) -> None:
    """Its agents die at it: the next one would, too. Tests that do so are mended like red ones."""
    reason = (
        f"its {role} was gone {lease.lost} times in one attempt, without a word: what it runs may end it, "
        "or needs more memory than there is"
    )
    if role == "coder":
        task = with_failed_pull(changes, task, lease.holder, reason)
    put(changes, back_or_failed(changes, task, reason, final=role == "coder"))
    end_lease(changes, task)


def with_failed_pull(
    changes: Transaction, task: Task, agent: str, failure: str, usage: Usage | None = None
) -> Task:
    """The task, not put yet, with a new pull for an attempt that has no result."""
    pull = changes.new(
        Pull,
        task=task.key,
        orchestration=task.orchestration,
        agent=agent,
        attempt=task.attempts,
        usage=usage,
        failure=failure,
    )
    return replace(task, pulls=[*task.pulls, pull.key])
