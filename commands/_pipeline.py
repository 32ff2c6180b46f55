"""From a request to landed code, by the same operations a script would call one by one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from agents.tasks.cancellation import refuse_cancelled
from commands import launch, orchestrate, plan_create, plan_list, plan_status, reconcile, review
from commands._coding import code, working
from commands._context import Context
from commands._outcome import Result, Stage
from commands._progress import Progress
from commands._status import Status, exit_code, settled
from state.errors import Conflict
from state.keys import number_of
from state.lifecycle import OVER
from state.records import Plan

_MOVES = 5  # how often the target may move under a launch before it is given up


@dataclass(frozen=True)
class Run:
    """One run of the pipeline. Every stage goes on where an earlier run stopped."""

    context: Context
    plan: str
    progress: Progress
    until: Stage = "launch"
    how: launch.LaunchParams | None = None

    def go(self) -> Result:
        if self.until == "plan":
            return self._result("plan", 0)
        status = self._status()
        with working(self.context, status.orchestration):
            if status.plan.state == "done":
                return self._done(status)
            return self._stages()

    def _done(self, status: Status) -> Result:
        """An earlier run got there."""
        for task in status.tasks:
            if task.state not in OVER:
                raise Conflict(
                    f"plan {number_of(self.plan)} is done, but task {number_of(task.key)} is {task.state}",
                    "`refactory doctor --fix` reopens it",
                )
        result = self._result("launch", exit_code(status))
        if status.launch and status.launch.landing.how == "pull-request" == self._params().how:
            return self._launched(result)  # CI may have been waited for in vain
        return result

    def _stages(self) -> Result:
        moves = 0
        while True:
            code(self.context, self.plan, self.progress)
            result = self._after_coding()
            if result is None:
                continue
            if result.stage != "review" or result.exit_code not in (0, 7) or self.until == "review":
                return result
            try:
                return self._launched(result)
            except Conflict:
                moves += 1
                opened = (
                    self._status().plan.state == "done"
                )  # what is wrong with a pull request is not mended here
                if opened or moves >= _MOVES or not self._target_moved():
                    raise

    def _after_coding(self) -> Result | None:
        """Combine and review. None: something was sent back, so there is more to do."""
        completed = _completed(self._status())
        if self.until == "code" or not completed:
            return self._result("code", exit_code(self._status()))
        self.progress.stage("reconcile")
        reconciled = self.context.call(reconcile.OPERATION, reconcile.Reconcile(id=self.plan))
        assert reconciled.outcome is not None
        if self._status().plan.state == "done":
            return self._result("launch", 0)  # all of it was in the target already
        if not settled(self._status()):
            return None
        code = reconcile.OPERATION.exit_code(reconciled)
        if self.until == "reconcile" or reconciled.outcome.state == "failed":
            return self._result("reconcile", code)
        return self._reviewed(code)

    def _reviewed(self, code: int) -> Result | None:
        self.progress.stage("review")
        before = _completed(self._status())
        reviewed = self.context.call(review.OPERATION, review.ReviewParams(id=self.plan))
        if reviewed.verdict == "approved":
            return self._result("review", code)
        # What it sent back, or gave up, is no longer in the way of the rest.
        return None if _completed(self._status()) != before else self._result("review", 1)

    def _launched(self, result: Result) -> Result:
        self.progress.stage("launch")
        launched = self.context.call(launch.OPERATION, self._params())
        for warning in launched.warnings:
            print(f"refactory: {warning}", file=sys.stderr)
        return self._result("launch", launch.exit_code(launched) or result.exit_code)

    def _params(self) -> launch.LaunchParams:
        return self.how or launch.LaunchParams(id=self.plan)

    def _target_moved(self) -> bool:
        """True if what failed was only that somebody else landed something first: combine again."""
        before = self._status().orchestration
        self.progress.stage("reconcile")
        after = self.context.call(reconcile.OPERATION, reconcile.Reconcile(id=self.plan))
        old, new = before and before.outcome, after.outcome
        return bool(old and new and old.onto != new.onto)

    def _status(self) -> Status:
        status = self.context.call(plan_status.OPERATION, plan_status.PlanStatus(id=self.plan))
        refuse_cancelled(status.request)
        self.progress.show(status)
        return status

    def _result(self, stage: Stage, code: int) -> Result:
        return Result(stage=stage, exit_code=code, status=self._status())


def plan_for(
    context: Context, request: str, task_list: str | None, planner: Literal["template", "model"] | None
) -> Plan:
    """The request's latest plan that no other has replaced, or a new one."""
    plans = context.call(plan_list.OPERATION, plan_list.PlanList(request_id=request, limit=10_000)).items
    current = [plan for plan in plans if plan.state != "cancelled"]
    if current:
        return current[-1]
    params = plan_create.PlanCreate(id=request, task_list=task_list, planner=planner)
    return context.call(plan_create.OPERATION, params)


def orchestrated(
    context: Context, plan: str, agents: int | None, target: str | None, remote: str | None
) -> None:
    params = orchestrate.Orchestrate(id=plan, agents=agents, target_branch=target, remote=remote)
    context.call(orchestrate.OPERATION, params)


def _completed(status: Status) -> set[str]:
    return {task.key for task in status.tasks if task.state == "completed"}
