"""Plan a request: a design and tasks with scope, dependencies and acceptance commands."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from commands._cli import command
from commands._operation import Operation, Params, RequestId
from commands._recording import options
from commands._records_text import plan_text
from state.records import Plan
from state.store import Store


class PlanCreate(Params):
    id: RequestId
    task_list: Annotated[
        str | None,
        Meta(
            description="Take the tasks from this Markdown or YAML file; `-` reads standard input.",
            extra={"option": "from", "file": True, "metavar": "FILE"},
        ),
    ] = None
    planner: Annotated[
        Literal["template", "model"] | None,
        Meta(
            description="template: the tasks as written; model: a model plans. Default: the configuration's."
        ),
    ] = None

    again: Annotated[
        bool,
        Meta(description="Plan anew, though work on another plan of the request has begun: replace that."),
    ] = False


def run(store: Store, params: PlanCreate) -> Plan:
    from agents.planner import plan

    return plan(store, str(params.id), params.task_list, params.planner, params.again)


OPERATION = Operation(run, PlanCreate, "POST /requests/{id}/plans", plan_text, status=lambda _: 201)
COMMAND = command("plan:create", __doc__ or "", OPERATION, options())
