"""Assign a plan's tasks to agents on a pinned base; with --run, start the agents and wait for them."""

from __future__ import annotations

from typing import Annotated, Any

import click
from msgspec import Meta
from msgspec.structs import asdict

from commands import _recording
from commands._cli import Shown, command
from commands._context import Context
from commands._operation import Name, Operation, Params, PlanId
from commands._text import fields, table
from state.keys import number_of
from state.records import Headcount, Orchestration, Strategy
from state.store import Store


class Orchestrate(Params):
    id: PlanId
    agents: Annotated[
        Headcount | None, Meta(description="How many coders. Default: the configuration's.")
    ] = None
    target_branch: Annotated[
        Name | None, Meta(description="Where it is to land. Default: the current branch.")
    ] = None
    strategy: Annotated[Strategy | None, Meta(description="How tasks are shared out.")] = None
    remote: Annotated[
        Name | None, Meta(description="Share code with agents elsewhere through this git remote or URL.")
    ] = None
    again: Annotated[
        bool,
        Meta(description="Begin it, though work on another plan of the request has begun: replace that."),
    ] = False


class Orchestrated(Orchestration, frozen=True, kw_only=True):
    """`again`: it was there already, and is gone on with."""

    again: bool = False


def run(store: Store, params: Orchestrate) -> Orchestrated:
    from agents.orchestrator import orchestrate

    found, fresh = orchestrate(
        store,
        str(params.id),
        params.agents,
        params.target_branch,
        params.strategy,
        params.remote,
        params.again,
    )
    return Orchestrated(**asdict(found), again=not fresh)


def status(orchestrated: Orchestrated) -> int:
    return 200 if orchestrated.again else 201


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


OPERATION = Operation(run, Orchestrate, "POST /plans/{id}/orchestrate", text, status=status)


def work_it_off(context: Context, orchestration: Orchestrated, options: dict[str, Any]) -> Shown | None:
    """With --run: the agents as subprocesses, until nothing is left that they could do."""
    if not options["run"]:
        return None
    from commands import _outcome
    from commands._coding import work_off
    from commands._progress import Progress

    with Progress() as progress:
        result = work_off(context, orchestration.plan, progress)
    return Shown(result, _outcome.text(result), result.exit_code)


COMMAND = command(
    "orchestrate",
    __doc__ or "",
    OPERATION,
    options=[
        click.Option(["--run"], is_flag=True, help="Start the agents as subprocesses and wait."),
        *_recording.options(),
    ],
    then=work_it_off,
)
