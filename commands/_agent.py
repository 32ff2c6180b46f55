"""What `agent:coder` and `agent:tester` share: an agent's process."""

from __future__ import annotations

import signal
from contextlib import nullcontext

import click

from agents.work import Claim, Role
from commands._context import Context
from state.errors import NotFound, UsageError
from state.location import initialised, locate
from state.store import Store


def agent_command(name: str, help_text: str, role: Role) -> click.Command:
    def callback(name: str, plan_id: str | None, once: bool, parent: int | None) -> int:
        context = click.get_current_context().find_object(Context)
        assert context is not None
        return _work(context, name, plan_id, role, once, parent)

    return click.Command(
        name,
        callback=callback,
        help=help_text,
        params=[
            click.Option(
                ["--name"], envvar="AGENT_NAME", default=f"{role}-1", show_default=True, help="Its name."
            ),
            click.Option(["--plan-id"], metavar="<planId>", help="Work on this plan's tasks only."),
            click.Option(["--once"], is_flag=True, help="Do one task and end; exit code 3 if there is none."),
            click.Option(["--parent"], type=int, metavar="PID", help="End when this parent process is gone."),
        ],
    )


def _work(context: Context, name: str, plan: str | None, role: Role, once: bool, parent: int | None) -> int:
    from agents.presence import working
    from agents.worker import Worker
    from agents.workspace import Workspace, for_claim, local
    from commands._ledger import OperationLedger

    try:
        location = initialised(locate(context.folder)) if not context.api_url else None
    except NotFound as error:
        raise UsageError(error.message, error.hint) from None

    def workspace(claim: Claim) -> Workspace:
        return for_claim(claim.config, location, claim.orchestration)

    home = location.root if location else context.folder.absolute()
    worker = Worker(name, role, OperationLedger(context, plan), workspace, home, click.echo)
    signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
    signal.signal(signal.SIGINT, lambda *_: worker.stopping.set())
    with working(local(Store(location))) if location else nullcontext():
        done = worker.work(once, parent)
    if once and not done:
        raise NotFound(f"nothing to do for {name}", "it works on what is assigned to it: tasks:list --agent")
    return 0
