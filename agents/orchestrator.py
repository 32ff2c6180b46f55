"""Assigns a plan's tasks to agents, on a pinned base commit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from msgspec.structs import replace

from agents.git.refs import branch_ref
from agents.git.repository import Repository
from agents.git.target import current_branch, pinned, remote_url
from agents.model.prices import refuse_unpriced
from agents.tasks.cancellation import refuse_cancelled, refuse_replaced, replace_others
from agents.tasks.closing import close_if_over
from agents.tasks.completion import revive
from agents.worktrees.workspace import local
from state.errors import Conflict, Unavailable
from state.keys import number_of
from state.lifecycle import move
from state.records import Assignment, Orchestration, Plan, Request, Task
from state.store import Store
from state.transaction import Transaction


def orchestrate(
    store: Store,
    plan_id: str,
    agents: int | None,
    target: str | None,
    strategy: str | None,
    remote: str | None,
    again: bool = False,
) -> tuple[Orchestration, bool]:
    """Assign every open task of the plan. Asked again it goes on with the orchestration there is, and tries
    again what failed; then it returns False: nothing is new.
    """
    repository = Repository(store.location.git_dir, store.location.root)
    plan = _wanted(store, plan_id)
    before = _last(store, plan)
    names = before.agents if before and not agents else _names(agents or store.config.agents)
    if before and plan.state == "orchestrated":
        url = before.remote or remote_url(repository, remote)
        if url and not before.remote:
            _check_shared(store, url, before.target_branch, before.base)
        return _go_on(store, plan, replace(before, agents=names, remote=url), target), False
    target = chosen_target(store, target or (before.target_branch if before else None))
    base = pinned(repository, target)
    url = remote_url(repository, remote or (before and before.remote) or store.config.remote)
    refuse_names(repository)
    if url:
        _check_shared(store, url, target, base)
    strategy = strategy or (before and before.strategy) or store.config.strategy
    fields = {"target_branch": target, "base": base, "remote": url, "agents": names, "strategy": strategy}
    return _begin(store, plan.key, again, fields)


def _wanted(store: Store, plan_id: str) -> Plan:
    """Raises Conflict if nobody wants it any more."""
    refuse_unpriced(store.config)
    plan = store.get(Plan, plan_id)
    refuse_cancelled(store.get(Request, plan.request))
    refuse_replaced(plan)
    _refuse_given_up(store, plan)
    return plan


def _begin(store: Store, plan_key: str, again: bool, fields: dict[str, Any]) -> tuple[Orchestration, bool]:
    with store.transaction("orchestrate") as changes:
        plan = changes.get(Plan, plan_key)
        there = running(store, plan)
        if there:
            return there, False  # somebody was faster
        if again:
            replace_others(changes, plan)
        else:
            _check_others(changes, plan)
        fields |= {"testers": store.config.testers, "budgets": store.config.budgets}
        return _start(changes, plan, changes.new(Orchestration, plan=plan.key, **fields)), True


def _check_others(changes: Transaction, plan: Plan) -> None:
    """Two plans of one request would do the same twice."""
    for other in changes.all(Plan, lambda other: other.request == plan.request and other.key != plan.key):
        if plan.state == "approved" and other.state in ("orchestrated", "failed"):
            number, begun = number_of(plan.key), number_of(other.key)
            raise Conflict(
                f"plan {begun} of the same request is {other.state}: plan {number} would do it again",
                f"`refactory orchestrate {begun}` goes on with plan {begun}; "
                f"`refactory orchestrate {number} --again` takes plan {number} all the same",
            )


def refuse_names(repository: Repository) -> None:
    """A branch `refactory` is a file where ours need a folder; better said before a model is paid."""
    if repository.resolve("refs/heads/refactory"):
        raise Conflict(
            "a branch is called `refactory`: branches such as refactory/tasks/1 can't be beside it",
            "rename it: git branch -m refactory NAME",
        )


def _check_shared(store: Store, url: str, target: str, base: str) -> None:
    """Agents elsewhere get the base from the remote's branch. One that can't be asked now may be there by then."""
    workspace = local(store, url)
    try:
        head = workspace.fetch(target)
    except Unavailable:
        return
    if head is None or not workspace.repository.is_ancestor(base, head):
        raise Conflict(
            f"{target} at {base[:12]} is not at the remote {url}, where agents get it from",
            f"push it first: git push {url} {target}",
        )


def _names(count: int) -> list[str]:
    return [f"coder-{number}" for number in range(1, count + 1)]


def _refuse_given_up(store: Store, plan: Plan) -> None:
    tasks = [task for key in plan.tasks if (task := store.find(Task, key))]
    if tasks and all(task.state == "cancelled" for task in tasks):
        raise Conflict(
            f"every task of plan {number_of(plan.key)} is cancelled",
            f"`refactory task:retry {number_of(tasks[0].key)}` has one done after all",
        )


def running(store: Store, plan: Plan) -> Orchestration | None:
    """The plan's latest orchestration, as long as the plan is not over. After that another one starts anew."""
    return _last(store, plan) if plan.state == "orchestrated" else None


def target_moved(store: Store, orchestration: Orchestration) -> bool:
    """Somebody has committed to the target since: what starts now does not have it."""
    head = Repository(store.location.git_dir).resolve(branch_ref(orchestration.target_branch))
    return head not in (None, orchestration.base)


def _last(store: Store, plan: Plan) -> Orchestration | None:
    found = store.all(Orchestration, lambda orchestration: orchestration.plan == plan.key)
    return found[-1] if found else None


def latest(store: Store, plan: Plan) -> Orchestration:
    """For what goes on with it. Raises Conflict if there is none, or the request was given up."""
    refuse_cancelled(store.get(Request, plan.request))
    found = _last(store, plan)
    if found is None:
        raise Conflict(
            f"plan {number_of(plan.key)} is {plan.state}: not orchestrated yet",
            f"`refactory orchestrate {number_of(plan.key)}` comes first",
        )
    return found


def chosen_target(store: Store, target: str | None) -> str:
    """As given, or configured, or the branch we stand on."""
    return target or store.config.target_branch or current_branch(Repository(store.location.own_git_dir))


def _go_on(store: Store, plan: Plan, wanted: Orchestration, target: str | None) -> Orchestration:
    if target not in (None, wanted.target_branch):
        raise Conflict(
            f"plan {number_of(plan.key)} is orchestrated already, for {wanted.target_branch}",
            "leave --target-branch out to go on with it",
        )
    with store.transaction("orchestrate") as changes:
        refuse_cancelled(changes.get(Request, plan.request))
        current = changes.get(Orchestration, wanted.key)
        changed = replace(current, budgets=store.config.budgets, remote=wanted.remote)
        revive(changes, plan)
        if wanted.agents != current.agents:
            changed = _reassigned(changes, changed, wanted.agents)
        close_if_over(changes, plan.key)
        return changes.put(changed)


def _start(changes: Transaction, plan: Plan, orchestration: Orchestration) -> Orchestration:
    if plan.state == "draft":
        raise Conflict(
            f"plan {number_of(plan.key)} is a draft", f"`refactory plan:approve {number_of(plan.key)}` first"
        )
    request = changes.get(Request, plan.request)
    changes.put(move(plan, "orchestrated"))
    revive(changes, plan)
    if request.state != "in_progress":
        changes.put(move(request, "in_progress"))
    begun = changes.put(_reassigned(changes, orchestration, orchestration.agents))
    close_if_over(changes, plan.key)  # what is blocked by something cancelled can't be begun
    return begun


def _reassigned(changes: Transaction, orchestration: Orchestration, agents: Sequence[str]) -> Orchestration:
    """Share out what has not been started; what an agent works on or has done stays that agent's."""
    tasks = changes.all(Task, lambda task: task.plan == orchestration.plan)
    turn = cycle(agents)
    load = dict.fromkeys(agents, 0)
    assignments = []
    for task in tasks:
        if task.state in ("pending", "assigned"):
            agent = (
                next(turn) if orchestration.strategy == "round-robin" else min(load, key=lambda a: load[a])
            )
            load[agent] += 1
            task = changes.put(move(task, "assigned", agent=agent, orchestration=orchestration.key))
        if task.agent:
            assignments.append(Assignment(task=task.key, agent=task.agent))
    return replace(orchestration, agents=list(agents), assignments=assignments)
