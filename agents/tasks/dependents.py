"""What a task's fate means for the tasks that build on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from msgspec.structs import replace

from state import leases
from state.keys import number_of
from state.lifecycle import COMMITTED, STOPPED, move
from state.records import Pull, SentBack, Task
from state.transaction import Transaction


def block(changes: Transaction, task: Task) -> None:
    """It failed or was cancelled: what builds on it, even if finished, can't go on."""
    for dependent in _downstream(changes, {task.key}):
        if dependent.state not in STOPPED | {"merged"}:
            reason = f"task {number_of(task.key)} that it depends on did not succeed"
            changes.put(move(dependent, "blocked", feedback=reason))
            end_lease(changes, dependent)


def free(changes: Transaction, plan: str) -> None:
    """Assign again what is blocked by nothing any more."""
    dead = {task.key for task in changes.all(Task, _of(plan)) if task.state in ("failed", "cancelled")}
    stuck = {task.key for task in _downstream(changes, dead)}
    for task in changes.all(Task, _of(plan)):
        if task.state == "blocked" and task.key not in stuck:
            changes.put(
                move(task, "assigned" if task.agent else "pending", feedback="", base=None, attempts=0)
            )


def redo(changes: Transaction, task: Task) -> None:
    """It is being done again: what was built on it is, too. Not their fault, so the attempt is given back."""
    for dependent in _downstream(changes, {task.key}):
        if dependent.state in COMMITTED | {"in_progress"}:
            reason = f"task {number_of(task.key)} that it builds on is being done again"
            keep_reason(changes, dependent, SentBack(why="dependency", reason=reason))
            attempts = max(0, dependent.attempts - 1)
            changes.put(move(dependent, "assigned", feedback=reason, base=None, attempts=attempts))
            end_lease(changes, dependent)


def keep_reason(changes: Transaction, task: Task, sent_back: SentBack) -> None:
    """The completed attempt's pull says why it was not taken."""
    for pull in pulls(changes, task, task.commit) if task.state == "completed" else ():
        changes.put(replace(pull, sent_back=sent_back))


def pulls(changes: Transaction, task: Task, commit: str | None) -> list[Pull]:
    """The attempts that gave this commit."""
    found = (changes.get(Pull, key) for key in task.pulls)
    return [pull for pull in found if pull.commit == commit]


def end_lease(changes: Transaction, task: Task) -> None:
    """Whoever works on it finds out at the next heartbeat, and can't report."""
    changes.after(lambda: leases.release(changes.private, task.key))


def _of(plan: str) -> Callable[[Task], bool]:
    return lambda task: task.plan == plan


def _downstream(changes: Transaction, keys: set[str]) -> list[Task]:
    """All that depends on these tasks, directly or not; the nearer ones first."""
    after: dict[str, list[Task]] = defaultdict(list)
    for task in changes.all(Task):
        for key in task.depends_on:
            after[key].append(task)
    found: dict[str, Task] = {}
    waiting = list(keys)
    for key in waiting:
        for task in after[key]:
            if task.key not in found:
                found[task.key] = task
                waiting.append(task.key)
    return list(found.values())
