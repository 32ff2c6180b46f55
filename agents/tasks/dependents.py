"""What a task's fate means for the tasks that build on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from state import leases
from state.keys import number_of
from state.lifecycle import COMMITTED, STOPPED, move
from state.records import Pull, SentBack, Task
from state.transaction import Transaction


def block(changes: Transaction, task: Task) -> None:
    """It failed or was cancelled: what depends on it, even if finished, can't go on.

    What only followed it, and was built on it, is done again without it.
    """
    for dependent in _downstream(changes, {task.key}, _required):
        if dependent.state not in STOPPED | {"merged"}:
            reason = f"task {number_of(task.key)} that it depends on did not succeed"
            changes.put(move(dependent, "blocked", feedback=reason))
            end_lease(changes, dependent)
    _again(changes, task, "did not succeed after all: do it again without it")


def free(changes: Transaction, plan: str) -> None:
    """Assign again what is blocked by nothing any more."""
    dead = {task.key for task in changes.all(Task, _of(plan)) if task.state in ("failed", "cancelled")}
    stuck = {task.key for task in _downstream(changes, dead, _required)}
    for task in changes.all(Task, _of(plan)):
        if task.state == "blocked" and task.key not in stuck:
            changes.put(
                move(task, "assigned" if task.agent else "pending", feedback="", base=None, attempts=0)
            )


def redo(changes: Transaction, task: Task) -> None:
    """It is being done again: what was built on it is, too. Not their fault, so the attempt is given back."""
    _again(changes, task, "is being done again")


def _again(changes: Transaction, task: Task, why: str) -> None:
    for dependent in _downstream(changes, {task.key}, _beneath):
        if dependent.state in COMMITTED | {"in_progress"}:
            reason = f"task {number_of(task.key)} that it builds on {why}"
            keep_reason(changes, dependent, SentBack(why="dependency", reason=reason))
            attempts = max(0, dependent.attempts - 1)
            changes.put(
                move(dependent, "assigned", feedback=reason, base=None, built_on=[], attempts=attempts)
            )
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


def _required(task: Task) -> Sequence[str]:
    return task.depends_on


def _beneath(task: Task) -> Sequence[str]:
    """What its branch holds, too."""
    return [*task.depends_on, *task.built_on]


def _downstream(changes: Transaction, keys: set[str], before: Callable[[Task], Sequence[str]]) -> list[Task]:
    """All that comes after these tasks, directly or not; the nearer ones first."""
    later: dict[str, list[Task]] = defaultdict(list)
    for task in changes.all(Task):
        for key in before(task):
            later[key].append(task)
    found: dict[str, Task] = {}
    waiting = list(keys)
    for key in waiting:
        for task in later[key]:
            if task.key not in found:
                found[task.key] = task
                waiting.append(task.key)
    return list(found.values())
