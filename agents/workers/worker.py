"""The life of an agent: claim, work under a lease that a heartbeat renews, report, again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from agents.coder import ParentsConflict, attempt
from agents.git.path_text import shown
from agents.git.refs import task_branch
from agents.model.errors import (
    ModelAuthFailed,
    ModelError,
    ModelNotRecorded,
    ModelQuotaExhausted,
    ModelUnreachable,
)
from agents.model.meter import Meter
from agents.sandbox import kind_of
from agents.tasks import minutes
from agents.tasks.reason import gist
from agents.tasks.work import Claim, Ledger, Report, Role
from agents.tester import check_task
from agents.worktrees import attempts
from agents.worktrees.workspace import Workspace
from state.errors import (
    BudgetReached,
    Busy,
    Conflict,
    Forbidden,
    NotFound,
    RefactoryError,
    Unavailable,
    UsageError,
)
from state.keys import number_of
from state.lifecycle import COMMITTED
from state.records import Task, Tests

_OUTAGES = (Unavailable, Busy)
_PATIENCE = 4  # outages in a row before the agent gives up
_IDLE = 0.15  # seconds between two questions for work

# What a heartbeat is told where somebody else may have the task, or it is gone.
_NOT_OURS = (Conflict, Forbidden, NotFound)

# With these no task of this agent can succeed: it ends, and the claim is given back.
_NOT_THE_TASKS_FAULT = (UsageError, BudgetReached, ModelAuthFailed, ModelNotRecorded, ModelQuotaExhausted)


class Worker:
    """`workspace` finds the code for a claim; `home` is where relative paths of the configuration start."""

    def __init__(
        self,
        name: str,
        role: Role,
        ledger: Ledger,
        workspace: Callable[[Claim], Workspace],
        home: Path,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.role = role
        self.ledger = ledger
        self.workspace = workspace
        self.home = home
        self.say = say
        self.stopping = threading.Event()
        self.failure = ""
        self._outages = 0
        self._patience = 1  # a model that was never there is a mistake in the configuration
        self._reported = False
        self._was_answered = False

    def work(self, once: bool, parent: int | None = None) -> int:
        """Until stopped, or until `parent` is gone, or `once`. Returns how many tasks it worked on.

        `failure` then says why the last one gave nothing.
        """
        done = 0
        while not self.stopping.is_set() and parent in (None, os.getppid()):
            claim = self._claim()
            if claim:
                self._do(claim, parent)
                done += 1
            if once:
                break
            if not claim:
                self.stopping.wait(_IDLE)
        return done

    def _claim(self) -> Claim | None:
        """A server or lock that was to be had before is waited for; one that never was is a mistake."""
        for outages in range(1, _PATIENCE + 1):
            try:
                claim = self.ledger.claim(self.name, self.role)
            except _OUTAGES:
                if not self._was_answered or outages == _PATIENCE:
                    raise
                if self.stopping.wait(2**outages):
                    break
            else:
                self._was_answered = True
                return claim
        return None

    def _do(self, claim: Claim, parent: int | None) -> None:
        task, meter = claim.task, Meter(partial(self.ledger.reserve, claim))
        self.failure, self._reported = "", False
        self.say(f"task {number_of(task.key)}, attempt {task.attempts}: {task.title}")
        with _heartbeat(self.ledger, claim, self.stopping, parent) as held:
            try:
                self._code(claim, held, meter) if self.role == "coder" else self._test(claim, held)
            except _NOT_THE_TASKS_FAULT:
                self._give_back(claim, meter)
                raise
            except _OUTAGES as error:
                if isinstance(error, ModelError) and not isinstance(error, ModelUnreachable):
                    self._told(claim, held, error, meter)
                else:
                    self._wait_for_better(claim, meter, error)
            except RefactoryError as error:
                self._told(claim, held, error, meter)
            else:
                self._outages, self._patience = 0, _PATIENCE
            if self.stopping.is_set():
                self._give_back(claim, meter)
            elif not (held() or self._reported):
                self._stopped_by_budget(claim, meter)

    def _told(self, claim: Claim, held: Callable[[], bool], error: RefactoryError, meter: Meter) -> None:
        # Refused, it is no longer ours: cancelled meanwhile, or somebody else's.
        with suppress(Conflict):
            if held():
                self._failed(claim, error, meter)

    def _wait_for_better(self, claim: Claim, meter: Meter, error: RefactoryError) -> None:
        """A model, remote or lock that can't be had says nothing of the task: give it back, try again later."""
        self._give_back(claim, meter)
        self._outages += 1
        if self._outages >= (self._patience if isinstance(error, ModelUnreachable) else _PATIENCE):
            raise error
        self.stopping.wait(2**self._outages)

    def _stopped_by_budget(self, claim: Claim, meter: Meter) -> None:
        """What the attempt had changed is kept; the attempt does not count. Raises BudgetReached."""
        if minutes.are_over(claim.orchestration):
            self._give_back(claim, meter)
            minutes.check_minutes(claim.orchestration)

    def _code(self, claim: Claim, held: Callable[[], bool], meter: Meter) -> None:
        workspace = self.workspace(claim)
        try:
            report = attempt(claim, workspace, self.home, held, meter)
        except ParentsConflict as conflict:
            self._send_back(claim, conflict)
            return
        if held():
            with attempts.offered(workspace, claim.task, report.commit):
                self._done(self.ledger.report(self.name, claim, report))

    def _test(self, claim: Claim, held: Callable[[], bool]) -> None:
        tests = check_task(claim, self.workspace(claim), self.name, held)
        if held():
            self._done(self.ledger.report_tests(claim, claim.task.commit or "", tests))

    def _done(self, task: Task) -> None:
        self._reported = True
        why = f": {' '.join(gist(task.feedback))}" if task.feedback.strip() else ""
        said = f"task {number_of(task.key)} is {task.state}{why}"
        self.say(said)
        if task.state not in COMMITTED:
            self.failure = said

    def _give_back(self, claim: Claim, meter: Meter) -> None:
        with suppress(Conflict, *_OUTAGES):  # reported already, or lost; a lease ends by itself, too
            self.ledger.release(claim, meter.usage)

    def _failed(self, claim: Claim, error: RefactoryError, meter: Meter) -> None:
        reason = error.told()
        if self.role == "tester":
            tests = Tests(verdict="failed", tester=self.name, output=reason)
            self._done(self.ledger.report_tests(claim, claim.task.commit or "", tests))
            return
        backend = claim.config.coder.backend
        final = isinstance(error, ModelError)  # it was retried already, with backoff
        sandbox = kind_of(claim.config.walls)
        report = Report(
            backend=backend,
            preset=claim.config.coder.preset_in_use,
            failure=reason,
            final=final,
            usage=meter.usage,
            sandbox=sandbox,
        )
        self._done(self.ledger.report(self.name, claim, report))

    def _send_back(self, claim: Claim, conflict: ParentsConflict) -> None:
        """Two tasks this one builds on clash: the later one is done again on top of the other."""
        files = ", ".join(map(shown, conflict.files))
        reason = f"It conflicts with other finished tasks in: {files}. Do it again on top of them."
        self.workspace(claim).share(task_branch(conflict.task), conflict.head)
        self.ledger.release(claim)
        self.ledger.rework(conflict.task, conflict.head, reason)


@contextmanager
def _heartbeat(
    ledger: Ledger, claim: Claim, stopping: threading.Event, parent: int | None
) -> Iterator[Callable[[], bool]]:
    """Renew the lease in a thread; yields whether the task is still ours, there is time, and nobody says stop."""
    over, lost = threading.Event(), threading.Event()

    def beat() -> None:
        due = time.monotonic() + claim.lease_seconds / 3
        while not over.wait(0.5):
            if parent not in (None, os.getppid()):
                stopping.set()
            if time.monotonic() < due:
                continue
            due = time.monotonic() + claim.lease_seconds / 3
            try:
                ledger.renew(claim)
            except _NOT_OURS:
                lost.set()
            except RefactoryError:
                continue  # the lease may outlive an outage, a full disk, a configuration that is being edited

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lambda: not (lost.is_set() or stopping.is_set() or minutes.are_over(claim.orchestration))
    finally:
        over.set()
        thread.join()
