"""The agents of a plan at work as subprocesses, here or through the API."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from agents.tasks.cancellation import refuse_cancelled
from agents.workers.crew import Crew
from commands import plan_status
from commands._context import Context
from commands._outcome import Result
from commands._progress import Progress
from commands._status import Status, exit_code, refuse_stuck, settled
from state.errors import UsageError
from state.keys import number_of
from state.records import Orchestration
from state.store import Store

_POLL = 0.1  # seconds
_HEAD_START = 1.5  # seconds


def work_off(context: Context, plan: str, progress: Progress) -> Result:
    """Until nothing is left that the agents could do."""
    from agents.sandbox import announce

    if not context.api_url:
        announce(context.store.config.walls)
    status = context.call(plan_status.OPERATION, plan_status.PlanStatus(id=plan))
    with working(context, status.orchestration):
        code(context, plan, progress)
    status = context.call(plan_status.OPERATION, plan_status.PlanStatus(id=plan))
    refuse_cancelled(status.request)
    return Result(stage="code", exit_code=exit_code(status), status=status)


def code(context: Context, plan: str, progress: Progress) -> None:
    """Agents at work until no task has anything left to do."""
    progress.stage("code")
    status = context.call(plan_status.OPERATION, plan_status.PlanStatus(id=plan))
    if settled(status) or status.orchestration is None:
        return
    if context.api_url and status.orchestration.remote is None:
        raise UsageError(
            f"plan {number_of(plan)} is orchestrated without a git remote: its code can't be had from here",
            f"`refactory orchestrate {number_of(plan)} --remote origin` names one",
        )
    with (
        _local_model(context),
        _crew(context, plan) as crew,
        _worktrees(context, status.orchestration),
        _foreseeing(context, status.plan.key),
    ):
        crew.start("coder", status.orchestration.agents)
        while not settled(status):
            refuse_stuck(status)
            _start_testers(crew, status)
            crew.check()
            time.sleep(_POLL)
            status = context.call(plan_status.OPERATION, plan_status.PlanStatus(id=plan))
            progress.show(status)


def _foreseeing(context: Context, plan: str) -> AbstractContextManager[None]:
    """What is finished is merged meanwhile, where the branches are."""
    from agents.reconcile.foresight import watching

    return nullcontext() if context.api_url else watching(context.store, plan)


@contextmanager
def _worktrees(context: Context, orchestration: Orchestration) -> Iterator[None]:
    """While the coders start, which takes one processor, the worktrees that they will ask for are made."""
    if context.api_url:
        yield
        return
    from threading import Thread

    from agents.worktrees.workspace import local

    pool, count = local(context.store).pool, len(orchestration.agents)
    thread = Thread(target=pool.prepare, args=(count, orchestration.base))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _local_model(context: Context) -> AbstractContextManager[None]:
    """Served here for all coders, where the configuration wants one."""
    if context.api_url or context.store.config.coder.backend not in ("model", "loop"):
        return nullcontext()
    from agents.model.local import served

    return served(context.store.config.model)


def _start_testers(crew: Crew, status: Status) -> None:
    """Not before the coders had the processor to start: there is nothing to test yet."""
    seconds = time.monotonic() - crew.members["coder"].since
    begun = {task.state for task in status.tasks}
    wanted = "testing" in begun or ("in_progress" in begun and seconds > _HEAD_START)
    if wanted and status.orchestration and "tester" not in crew.members:
        crew.start("tester", [f"tester-{number + 1}" for number in range(status.orchestration.testers)])


def working(context: Context, orchestration: Orchestration | None) -> AbstractContextManager[None]:
    """While a run lasts its worktrees are reused; after it nothing is left on the disk, and the log is noted."""
    from agents.worktrees import presence
    from agents.worktrees.workspace import local, mirror

    if not context.api_url:
        return _noted(context.store, presence.working(local(context.store)))
    remote = orchestration and orchestration.remote
    return presence.working(mirror(remote)) if remote else nullcontext()


@contextmanager
def _noted(store: Store, run: AbstractContextManager[None]) -> Iterator[None]:
    from agents.audit.mirror import checkpoint

    try:
        with run:
            yield
    finally:
        checkpoint(store)


def _crew(context: Context, plan: str) -> Crew:
    arguments = ["-C", str(context.folder.absolute())]
    if context.api_url:
        logs = Path(tempfile.mkdtemp(prefix="refactory-agents-"))
        return Crew([*arguments, "--api-url", context.api_url], plan, logs)
    return Crew(arguments, plan, context.store.location.private / "logs" / "agents")
