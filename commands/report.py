"""Write a plan as one HTML page: its tasks, who worked on them when, tests, findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from commands import plan_status
from commands._cli import Shown, command
from commands._context import Context
from commands._operation import Operation, Params, PlanId
from commands._report.report import Report
from state.audit_entries import Tail
from state.errors import UsageError
from state.keys import number_of
from state.records import Launch, Orchestration, Pull, Review
from state.store import Store


class ReportParams(Params):
    id: PlanId


def run(store: Store, params: ReportParams) -> Report:
    status = plan_status.OPERATION.run(store, plan_status.PlanStatus(id=params.id))
    found = [store.find(Pull, key) for task in status.tasks for key in task.pulls]
    attempts = [pull for pull in found if pull is not None]
    steps = Tail(store.location.records / "audit").new()
    plan = status.plan
    own = {f"tasks/{key}" for key in plan.tasks}
    own |= {f"orchestrations/{one.key}" for one in store.all(Orchestration, lambda one: one.plan == plan.key)}
    own |= {f"reviews/{one.key}" for one in store.all(Review, lambda one: one.plan == plan.key)}
    own |= {f"launches/{one.key}" for one in store.all(Launch, lambda one: one.plan == plan.key)}
    return Report(status=status, attempts=attempts, steps=[step for step in steps if step.record in own])


def text(report: Report) -> str:
    return plan_status.text(report.status)


def write(context: Context, report: Report, options: dict[str, Any]) -> Shown:
    from commands._report.page import page

    html = page(report)
    name = options["output"] or f"refactory-plan-{number_of(report.status.plan.key)}.html"
    if name == "-":
        return Shown(report, html.rstrip("\n"), 0)
    try:
        file = Path(name).open("w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise UsageError(
            f"{name}: {error.strerror}", "--output names another file; `-` prints the page"
        ) from None
    with file:
        file.write(html)
    return Shown(report, f"written: {name}", 0)


OPERATION = Operation(run, ReportParams, "GET /plans/{id}/report", text, role="viewer")
COMMAND = command(
    "report",
    __doc__ or "",
    OPERATION,
    options=[
        click.Option(
            ["--output", "-o"],
            metavar="FILE",
            help="Where to; `-` is standard output. Default: refactory-plan-<planId>.html in this folder.",
        )
    ],
    then=write,
    numbered=False,
)
