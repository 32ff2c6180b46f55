"""What `agent:coder` and `agent:tester` share: an agent's process."""

from __future__ import annotations

import gc
import os
import shlex
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from typing import NoReturn

import click

from agents.tasks.work import Claim, Role
from agents.workers.prefork import leave, prefork
from commands import _recording
from commands._context import Context
from state.errors import NotFound, UsageError
from state.location import Location, initialised, locate
from state.store import Store

# Tests use the time in which coders wait for their models; a coder that has to wait for a test delays the plan.
_TESTERS_NICE = 10
_NAME = "Its name; given several times: a process for each. [default: {role}-1]"


def agent_command(name: str, help_text: str, role: Role) -> click.Command:
    def callback(name: tuple[str, ...], plan_id: str | None, once: bool, parent: int | None) -> int:
        context = click.get_current_context().find_object(Context)
        assert context is not None
        names = name or (f"{role}-1",)
        if once and len(names) > 1:
            raise UsageError("--once takes one --name", "start the agents one by one")
        start = _Start(context, _location(context), plan_id, role, once, parent)
        return _work(start, names[0]) if len(names) == 1 else _fork(start, names)

    return click.Command(
        name,
        callback=callback,
        help=help_text,
        params=[
            click.Option(["--name"], envvar="AGENT_NAME", multiple=True, help=_NAME.format(role=role)),
            click.Option(["--plan-id"], metavar="<planId>", help="Work on this plan's tasks only."),
            click.Option(["--once"], is_flag=True, help="Do one task and end; exit code 3 if there is none."),
            click.Option(["--parent"], type=int, metavar="PID", help="End when this parent process is gone."),
            *(_recording.options() if role == "coder" else ()),
        ],
    )


@dataclass(frozen=True)
class _Start:
    """`location` is None where the records are the API's; the agent ends when `parent` is gone."""

    context: Context
    location: Location | None
    plan: str | None
    role: Role
    once: bool
    parent: int | None


def _location(context: Context) -> Location | None:
    try:
        return None if context.api_url else initialised(locate(context.folder))
    except NotFound as error:
        raise UsageError(error.message, error.hint) from None


def _fork(start: _Start, names: Sequence[str]) -> NoReturn:
    gc.disable()  # imports leave no garbage, but to look for it took a tenth of the start
    _import_for_all(start.location, start.role)
    gc.freeze()
    gc.enable()
    name = prefork(names, start.parent)
    code = _work(replace(start, parent=os.getppid()), name)
    leave(code)


def _import_for_all(location: Location | None, role: Role) -> None:
    """What every agent of this role will import, slow as it is."""
    from agents.tasks import completion  # noqa: F401
    from agents.workers import worker  # noqa: F401
    from commands import _ledger  # noqa: F401

    if role == "coder" and location:
        backend = Store(location).config.coder.backend
        import_module(f"agents.backends.{backend}")
        if backend in ("model", "loop"):
            from agents.backends import answer  # noqa: F401
            from agents.model import http, loop, retry  # noqa: F401
            from agents.prompts import symbol_map  # noqa: F401

            http.warm()


def _work(start: _Start, name: str) -> int:
    from agents.sandbox import announce
    from agents.tasks.attempt import AttemptFailed
    from agents.workers.worker import Worker
    from agents.worktrees.presence import working
    from agents.worktrees.workspace import Workspace, for_claim, local
    from commands._ledger import OperationLedger

    def workspace(claim: Claim) -> Workspace:
        return for_claim(claim.config, location, claim.orchestration)

    def say(text: str) -> None:
        click.echo(f"{name}: {text}")

    location = start.location
    if location and start.parent is None:
        announce(Store(location).config.walls)
    if start.role == "tester":
        os.nice(_TESTERS_NICE)
    home = location.root if location else start.context.folder.absolute()
    worker = Worker(name, start.role, OperationLedger(start.context, start.plan), workspace, home, say)
    signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
    signal.signal(signal.SIGINT, lambda *_: worker.stopping.set())
    with working(local(Store(location))) if location else nullcontext():
        done = worker.work(start.once, start.parent)
    if start.once and not done:
        raise NotFound(f"nothing to do for {name}", _waits_for(start.role, name))
    if start.once and worker.failure:
        raise AttemptFailed(worker.failure)
    return 0


def _waits_for(role: Role, name: str) -> str:
    if role == "tester":
        return "it tests what coders have finished: `refactory tasks:list --state testing` shows that"
    return (
        f"it works on what is assigned to it: `refactory tasks:list --agent {shlex.quote(name)}` shows that"
    )
