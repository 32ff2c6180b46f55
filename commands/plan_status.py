"""Show a plan and its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agents.reconcile.foreseen import foreseen
from commands._cli import Shown, command
from commands._next import next_of
from commands._operation import Operation, Params, PlanId
from commands._records_text import reasons, state_text, task_text, usage_text
from commands._status import Status, clash_text, exit_code
from commands._text import fields, numbers, table
from state.keys import number_of
from state.lifecycle import STOPPED
from state.records import Launch, Orchestration, Plan, Request, Review, Task
from state.store import Store

if TYPE_CHECKING:
    from commands._context import Context

_PAUSE = 1.0  # seconds between two looks
_SETTLED = ("done", "failed", "cancelled")
_AT_WORK = {"assigned", "in_progress", "testing"}


class PlanStatus(Params):
    id: PlanId


def run(store: Store, params: PlanStatus) -> Status:
    from agents.model.prices import cost
    from agents.model.token_budget import spent, total

    plan = store.get(Plan, params.id)
    orchestrations = store.all(Orchestration, lambda record: record.plan == plan.key)
    reviews = store.all(Review, lambda record: record.plan == plan.key)
    launches = store.all(Launch, lambda record: record.plan == plan.key)
    found = (store.find(Task, key) for key in plan.tasks)
    tasks = [task for task in found if task is not None]
    usage, price = total(spent(store, plan)), store.config.model.price
    return Status(
        plan=plan,
        request=store.get(Request, plan.request),
        tasks=tasks,
        orchestration=orchestrations[-1] if orchestrations else None,
        review=reviews[-1] if reviews else None,
        launch=launches[-1] if launches else None,
        usage=usage,
        cost=cost(usage, price) if price else None,
        conflicts=foreseen(store.location.private, tasks),
        target_moved=_target_moved(store, plan, tasks, orchestrations),
    )


def _target_moved(store: Store, plan: Plan, tasks: list[Task], orchestrations: list[Orchestration]) -> bool:
    """Only where it matters, and nobody is at work: a plan at work is looked at ten times a second."""
    states = {task.state for task in tasks}
    if plan.state != "orchestrated" or "failed" not in states or states & _AT_WORK or not orchestrations:
        return False
    from agents.orchestrator import target_moved

    return target_moved(store, orchestrations[-1])


def text(status: Status) -> str:
    plan, orchestration = status.plan, status.orchestration
    head = fields(
        [
            ("plan", number_of(plan.key)),
            ("request", f"{number_of(status.request.key)} {status.request.title}"),
            ("state", plan.state),
            ("target", orchestration and orchestration.target_branch),
            ("combination", orchestration and orchestration.outcome and orchestration.outcome.state),
            ("review", status.review and status.review.verdict),
            ("tokens", usage_text(status.usage, status.cost)),
            ("will conflict", "\n".join(map(clash_text, status.conflicts))),
            ("warnings", "\n".join(plan.warnings)),
            ("next", next_of(status)),
            ("design", plan.design),
        ]
    )
    # What is to be approved is shown in full.
    whole = map(task_text, status.tasks) if plan.state == "draft" else ()
    return "\n\n".join([head, _tasks(status), *filter(None, [reasons(status.tasks)]), *whole])


def _tasks(status: Status) -> str:
    rows = [
        (
            number_of(task.key),
            state_text(task, status.launch),
            task.agent,
            numbers(task.depends_on) or None,
            numbers(task.after) or None,
            task.title,
            _scope(task),
        )
        for task in status.tasks
    ]
    return table(("ID", "STATE", "AGENT", "DEPENDS", "AFTER", "TITLE", "SCOPE"), rows)


def _scope(task: Task) -> str | None:
    return ", ".join(task.scope) or None


def as_junit(status: Status) -> str:
    from commands._junit import junit

    return junit(status)


def as_markdown(status: Status) -> str:
    from commands._summary import markdown

    return markdown(status)


FORMATS = {"junit": as_junit, "markdown": as_markdown}
OPERATION = Operation(run, PlanStatus, "GET /plans/{id}", text, role="viewer", formats=FORMATS)


def _watch(context: Context, status: Status, options: dict[str, Any]) -> Shown | None:
    """With --watch: a live tree on a terminal, elsewhere a line for each change; until the plan is settled."""
    if not options["watch"]:
        return None
    import sys
    import time

    from commands._progress import Progress
    from commands._tree import stage_of

    with Progress("auto" if sys.stderr.isatty() else "plain") as progress:
        while True:
            progress.show(status)
            progress.stage(stage_of(status))
            if status.plan.state in _SETTLED or all(task.state in STOPPED for task in status.tasks):
                return Shown(status, text(status), exit_code(status))
            time.sleep(_PAUSE)
            status = context.call(OPERATION, PlanStatus(id=status.plan.key))


COMMAND = command(
    "plan:status",
    __doc__ or "",
    OPERATION,
    options=[
        click.Option(
            ["--watch"], is_flag=True, help="Show it as it goes on, until it is settled: 0, 7 (in part) or 1."
        )
    ],
    then=_watch,
)
