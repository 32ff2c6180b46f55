"""From a request to a plan: a design text and tasks, by template (no model) or by a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from agents.model.meter import Meter
from agents.model.prices import refuse_unpriced
from agents.model.token_budget import answer_limit
from agents.plan.drafts import TaskDraft, TaskList, check, in_a_row, listed, serialise_overlaps
from agents.plan.parse import parse
from agents.tasks.cancellation import replace_others
from state.config import Config
from state.errors import Conflict, UsageError
from state.keys import number_of
from state.lifecycle import CLOSED, move
from state.records import Plan, Request, Task
from state.store import Store
from state.transaction import Transaction

Planner = Callable[[Request, str | None, Store, Meter], TaskList]


def plan(
    store: Store, request_id: str, task_list: str | None, backend: str | None, again: bool = False
) -> Plan:
    """Make a plan of the request. A model is asked before anything is locked."""
    config = store.config
    request = store.get(Request, request_id)
    _check_state(request)
    if not again:
        _check_plans(store, request)
    chosen = backend_for(config, task_list, backend)
    refuse_unpriced(config)
    meter = Meter(answer_limit=partial(answer_limit, config.budgets, config.model.price))
    drafts = PLANNERS[chosen](request, task_list, store, meter)
    tasks, warnings = _ordered(drafts.tasks, config)
    warnings = [*_left_out(drafts.ticked), *_unlisted(chosen, task_list), *warnings]
    with store.transaction("plan:create") as changes:
        request = changes.get(Request, request.key)
        _check_state(request)
        plan = changes.new(
            Plan,
            request=request.key,
            planner=chosen,
            design=drafts.design,
            warnings=warnings,
            usage=meter.usage,
        )
        return _recorded(changes, plan, request, tasks, config)


def _ordered(drafts: list[TaskDraft], config: Config) -> tuple[list[TaskDraft], list[str]]:
    """With the order that overlapping scopes call for, and what is to be warned of then."""
    if config.planner.overlaps == "warn":
        return drafts, check(drafts)
    ordered = serialise_overlaps(drafts)
    return ordered, [*check(ordered), *in_a_row(drafts, ordered)]


def backend_for(config: Config, task_list: str | None, backend: str | None) -> str:
    return backend or ("template" if task_list is not None else config.planner.backend)


def _left_out(ticked: Sequence[str]) -> list[str]:
    return [f"ticked, so left out: {listed(f'`{title}`' for title in ticked)}"] if ticked else []


def _unlisted(backend: str, task_list: str | None) -> list[str]:
    """Who gives a list means more than one task."""
    if backend == "model" or task_list is None or parse(task_list).tasks:
        return []
    return [
        "no task list is found in what was given, so all of it is one task: tasks begin with `## ` or `- [ ] `"
    ]


def _check_plans(store: Store, request: Request) -> None:
    """A plan that work has begun on is gone on with: a second one would do it all again."""
    for plan in store.all(Plan, lambda plan: plan.request == request.key):
        if plan.state in ("orchestrated", "failed"):
            number = number_of(request.key)
            raise Conflict(
                f"request {number} has plan {number_of(plan.key)}, which is {plan.state}",
                f"`refactory run {number}` goes on with it; --again plans anew all the same",
            )


def _check_state(request: Request) -> None:
    if request.state in CLOSED:
        raise Conflict(f"request {number_of(request.key)} is {request.state}", "create a new request")


def template(request: Request, task_list: str | None, _store: Store, _meter: Meter) -> TaskList:
    return template_tasks(request, task_list)


def template_tasks(request: Request, task_list: str | None) -> TaskList:
    """The tasks written in the request's description or in the given list; without a list, one task."""
    if task_list is not None and not task_list.strip():
        raise UsageError("the task list is empty", "docs/how-it-works.md shows how one is written")
    found = parse(request.description if task_list is None else task_list)
    if found.tasks:
        return found
    detail = request.description if task_list is None else task_list
    return TaskList(design="", tasks=[TaskDraft(id="1", title=request.title, detail=detail)])


def model(request: Request, task_list: str | None, store: Store, meter: Meter) -> TaskList:
    from agents.plan.model_planner import plan_with_model

    return plan_with_model(request, task_list, store, meter)


PLANNERS: dict[str, Planner] = {"template": template, "model": model}


def _recorded(
    changes: Transaction, plan: Plan, request: Request, drafts: Sequence[TaskDraft], config: Config
) -> Plan:
    keys: dict[str, str] = {}
    for draft in drafts:
        task = changes.new(Task, plan=plan.key, title=draft.title, detail=draft.detail, scope=draft.scope,
                           acceptance=draft.acceptance)  # fmt: skip
        keys[draft.id] = task.key
    for draft in drafts:
        task = changes.get(Task, keys[draft.id])
        before = {"depends_on": draft.depends_on, "after": draft.after}
        changes.put(replace(task, **{name: [keys[own] for own in ids] for name, ids in before.items()}))
    plan = changes.put(replace(plan, tasks=list(keys.values())))
    replace_others(changes, plan)
    if config.planner.approval == "automatic":
        plan = changes.put(move(plan, "approved"))
    changes.put(move(request, "planned"))
    return plan
