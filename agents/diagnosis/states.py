"""States that do not fit what else the records say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable, found
from agents.tasks.closing import reopen
from state import leases
from state.keys import number_of
from state.lifecycle import DONE, OVER, move
from state.records import Orchestration, Plan, Request, Task
from state.store import Store

_STARTED = ("assigned", "in_progress", "testing", "completed", "merged")
_HINT = "`git log -p -- .refactory` shows how it came about; mend the record"


def illegal(evidence: Evidence) -> Iterator[Found]:
    plans, tasks = evidence.records(Plan), evidence.records(Task)
    if evidence.unreadable:
        return  # what contradicts a state may be right, and just not to be read
    orchestrated = {record.plan for record in evidence.records(Orchestration).values()}
    planned = {plan.request for plan in plans.values()}
    for task in tasks.values():
        for fault in _of_task(task):
            yield found("state", f"task {number_of(task.key)} is {task.state}, but {fault}", _HINT)
    for plan in plans.values():
        mine = [tasks[key] for key in plan.tasks if key in tasks]
        for fault in _of_plan(plan, [task.state for task in mine], plan.key in orchestrated):
            yield found("state", f"plan {number_of(plan.key)} is {plan.state}, but {fault}", _HINT)
        yield from _unfinished(evidence.store, plan, mine)
    for request in evidence.records(Request).values():
        if request.state in ("planned", "in_progress", "done", "failed") and request.key not in planned:
            message = f"request {number_of(request.key)} is {request.state}, but it has no plan"
            yield found("state", message, _HINT)


def _of_task(task: Task) -> Iterator[str]:
    if task.state in _STARTED and (task.orchestration is None or task.agent is None):
        yield "no orchestration has assigned it"
    if task.state in DONE and task.commit is None:
        yield "it has no commit"


def _of_plan(plan: Plan, states: Sequence[str], orchestrated: bool) -> Iterator[str]:
    if plan.state in ("orchestrated", "done", "failed") and not orchestrated:
        yield "it has no orchestration"
    if plan.state in ("draft", "approved") and set(states) & set(_STARTED):
        yield "its tasks are started"


def _unfinished(store: Store, plan: Plan, tasks: Sequence[Task]) -> Iterator[Found]:
    """One side of a merge had it done, the other wanted more of it."""
    left = [task for task in tasks if task.state not in OVER]
    if plan.state == "done" and left:
        message = f"plan {number_of(plan.key)} is done, but task {number_of(left[0].key)} is {left[0].state}"
        yield fixable("state", message, "reopen the plan", partial(_reopen, store, plan))


def _reopen(store: Store, plan: Plan, backup: Backup) -> None:
    backup.file(store.path(Plan, plan.key))
    backup.file(store.path(Request, plan.request))
    with store.transaction("doctor") as changes:
        reopen(changes, changes.get(Plan, plan.key))


def unheld(evidence: Evidence) -> Iterator[Found]:
    """A coder that dies leaves its lease, or the next one takes over; without one nobody is at it."""
    store = evidence.store
    for task in evidence.records(Task).values():
        if task.state == "in_progress" and leases.find(store.location.private, task.key) is None:
            message = f"task {number_of(task.key)} is in progress, but nobody holds it"
            yield fixable("state", message, "assign it again", partial(give_back, store, task.key))


def give_back(store: Store, key: str, backup: Backup) -> None:
    """Its agent is gone: the attempt does not count, as if it had given the task back itself."""
    backup.file(store.path(Task, key))
    backup.file(store.location.private / "leases" / f"{key}.json")
    with store.transaction("doctor") as changes:
        lease = leases.find(store.location.private, key)
        if lease and lease.live():
            return
        task = store.find(Task, key)
        if task and task.state == "in_progress":
            given = move(task, "assigned", attempts=max(0, task.attempts - 1))
            changes.put(given, "its agent is gone")
        changes.after(lambda: leases.release(store.location.private, key))
