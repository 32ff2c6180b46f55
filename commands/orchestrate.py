"""Assign a plan's tasks to agents on a pinned base; with --run, start the agents and wait for them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import click
from msgspec import Meta

from commands._cli import command
from commands._context import Context
from commands._operation import Name, Operation, Params, PlanId
from commands._text import fields, table
from state.keys import number_of
from state.records import Orchestration
from state.store import Store

Count = Annotated[int, Meta(ge=1, le=64)]


class Orchestrate(Params):
    id: PlanId
    agents: Annotated[Count | None, Meta(description="How many coders. Default: the configuration's.")] = None
    target_branch: Annotated[
        Name | None, Meta(description="Where it is to land. Default: the current branch.")
    ] = None
    strategy: Annotated[
        Literal["round-robin", "least-loaded"] | None, Meta(description="How tasks are shared out.")
    ] = None
    remote: Annotated[
        Name | None, Meta(description="Share code with agents elsewhere through this git remote or URL.")
    ] = None


def run(store: Store, params: Orchestrate) -> Orchestration:
    from agents.orchestrator import orchestrate

    return orchestrate(
        store, str(params.id), params.agents, params.target_branch, params.strategy, params.remote
    )


def text(orchestration: Orchestration) -> str:
    head = fields(
        [
            ("orchestration", number_of(orchestration.key)),
            ("plan", number_of(orchestration.plan)),
            ("target", orchestration.target_branch),
            ("base", orchestration.base),
        ]
    )
    rows = [(number_of(a.task), a.agent) for a in orchestration.assignments]
    return f"{head}\n\n{table(('TASK', 'AGENT'), rows)}"


OPERATION = Operation(run, Orchestrate, "POST /plans/{id}/orchestrate", text, status=lambda _: 201)


def work_it_off(context: Context, orchestration: Orchestration, options: dict[str, Any]) -> int:
    """With --run: the agents as subprocesses, until nothing is left that they could do."""
    if not options["run"]:
        return 0
    from commands import _pipeline
    from commands._progress import Progress

    with Progress() as progress:
        run = _pipeline.Run(context, orchestration.plan, progress, until="code")
        return run.go().exit_code


COMMAND = command(
    "orchestrate",
    __doc__ or "",
    OPERATION,
    options=[click.Option(["--run"], is_flag=True, help="Start the agents as subprocesses and wait.")],
    then=work_it_off,
)
