"""Who gets which task: claims under a lease, in dependency order."""

from __future__ import annotations

from agents.model.token_budget import check_left, tokens_left
from agents.tasks.minutes import check_minutes
from agents.tasks.order import Order
from agents.tasks.setbacks import LOST, give_up_lost, with_failed_pull
from agents.tasks.work import Claim, Parent, Role
from state import leases
from state.errors import Conflict
from state.keys import number_of
from state.leases import Lease
from state.lifecycle import move
from state.records import Orchestration, Plan, Pull, Task, Usage
from state.store import Store
from state.transaction import Transaction


def claim(store: Store, agent: str, role: Role, pid: int | None, plan: str | None = None) -> Claim | None:
    """The next task for this agent, or None. Raises BudgetReached when there is one that may not start."""
    known = {task.key: task for task in store.all(Task)}
    order = Order(known)
    here = (task for task in known.values() if plan in (None, task.plan))
    if not any(_waiting(store, task, agent, role) and _ready(task, order, role) for task in here):
        return None  # asked many times a second: only a hit is worth the lock
    with store.transaction(f"agent:{role}") as changes:
        tasks = {task.key: task for task in changes.all(Task)}
        order = Order(tasks)
        for task in tasks.values():
            mine = plan in (None, task.plan) and _waiting(store, task, agent, role)
            if not mine or not _ready(task, order, role) or changes.get(Plan, task.plan).state == "cancelled":
                continue  # of a plan that another replaced on another branch, a task may still be open
            lease = leases.offer(changes.private, task.key, agent, pid, store.config.lease_seconds)
            if lease.lost < LOST:
                return _claimed(store, changes, task, order, role, lease)
            give_up_lost(changes, task, role, lease)
    return None


def _waiting(store: Store, task: Task, agent: str, role: Role) -> bool:
    if role == "tester":
        mine = task.state == "testing" and task.commit is not None
    else:
        mine = task.agent == agent and task.state in ("assigned", "in_progress")
    lease = leases.find(store.location.private, task.key) if mine else None
    return mine and (lease is None or not lease.live())


def _ready(task: Task, order: Order, role: Role) -> bool:
    """What has begun is not held by what it follows: that one was tried again later."""
    begun = role == "tester" or task.state == "in_progress"
    return not (order.requires(task) if begun else order.waits_for(task))


def _claimed(
    store: Store,
    changes: Transaction,
    task: Task,
    order: Order,
    role: Role,
    lease: Lease,
) -> Claim:
    orchestration = changes.get(Orchestration, task.orchestration or "")
    left = tokens_left(changes, orchestration)
    if role == "coder":
        check_left(changes, orchestration, store.config.model.price)
        check_minutes(orchestration)
        start = {"attempts": _attempt(task), "built_on": _built_on(changes, task, order)}
        task = changes.put(move(task, "in_progress", **start))
    changes.keep(*leases.kept(lease))
    return Claim(
        task=task,
        orchestration=orchestration,
        design=changes.get(Plan, task.plan).design,
        token=lease.token,
        lease_seconds=lease.seconds,
        parents=_parents(changes, task),
        tokens_left=left,
        config=store.config,
    )


def _attempt(task: Task) -> int:
    """A coder that died in an attempt did not use it up; the next one carries it on."""
    return task.attempts + 1 if task.state == "assigned" else task.attempts


def _built_on(changes: Transaction, task: Task, order: Order) -> list[str]:
    """An attempt that is carried on stays where it began."""
    if task.state == "in_progress":
        return task.built_on
    return order.starts_from(task, alone=_failed_on_others(changes, task))


def _failed_on_others(changes: Transaction, task: Task) -> bool:
    """The first attempt gave nothing on top of what it only follows: the next one is made without, and then merged."""
    first = [pull for key in task.pulls if (pull := changes.get(Pull, key)).attempt == 1][-1:]
    return task.attempts == 1 and any(pull.failure for pull in first)


def _parents(changes: Transaction, task: Task) -> list[Parent]:
    found = (changes.get(Task, key) for key in dict.fromkeys([*task.depends_on, *task.built_on]))
    return [Parent(task=t.key, branch=t.branch or "", commit=t.commit or "") for t in found]


def renew(store: Store, task: str, token: int) -> None:
    """Raises Conflict when the lease is over."""
    with store.transaction("task:renew") as changes:
        try:
            leases.renew(changes.private, task, token, store.config.lease_seconds)
        except Conflict as error:
            changes.note(changes.get(Task, task), f"refused to renew: {error.message}")
            changes.commit()
            raise


def release(store: Store, task: str, token: int, usage: Usage | None = None) -> None:
    """Give a claim back unfinished: the attempt does not count, but what it cost does."""
    with store.transaction("release") as changes:
        held = leases.check(store.location.private, task, token)
        record = changes.get(Task, task)
        if usage:
            failure = "given back unfinished"
            record = changes.put(with_failed_pull(changes, record, held.holder, failure, usage))
        if record.state == "in_progress":
            changes.put(move(record, "assigned", attempts=max(0, record.attempts - 1)))
        changes.after(lambda: leases.release(changes.private, held.task))


def fenced(store: Store, changes: Transaction, task: Task, token: int | None, agent: str) -> None:
    """Refuse the report of a late holder. Without a token only a task that nobody holds is taken."""
    private = store.location.private
    try:
        if token is not None:
            leases.check(private, task.key, token)
            return
        lease = leases.find(private, task.key)
        if lease and lease.live():
            raise Conflict(f"task {number_of(task.key)} is held by {lease.holder}", "report with its token")
    except Conflict as error:
        changes.note(task, f"refused a report of {agent}: {error.message}")
        changes.commit()
        raise
