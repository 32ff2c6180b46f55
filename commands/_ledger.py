"""The agents' ledger made of the same operations that the command line and the API have."""

from __future__ import annotations

import os
import time

from msgspec.structs import asdict

from agents.tasks.work import Claim, Report, Role
from commands import (
    agent_claim,
    pull_record,
    task_release,
    task_renew,
    task_reserve,
    task_rework,
    tests_record,
)
from commands._context import Context
from state.records import Task, Tests, Usage

_FRESH = 2.0  # seconds after which to ask again though no task file has changed: leases end without a write


class OperationLedger:
    """Local or remote: `context.call` decides."""

    def __init__(self, context: Context, plan: str | None = None) -> None:
        self._context = context
        self._plan = plan
        self._asked: tuple[int, float] = (0, 0.0)

    def claim(self, agent: str, role: Role) -> Claim | None:
        if not self._worth_asking():
            return None
        params = agent_claim.AgentClaim(agent_name=agent, role=role, pid=self._pid(), plan_id=self._plan)
        claim = self._context.call(agent_claim.OPERATION, params).claim
        if claim:
            self._asked = (0, 0.0)
        return claim

    def renew(self, claim: Claim) -> None:
        params = task_renew.TaskRenew(id=claim.task.key, token=claim.token)
        self._context.call(task_renew.OPERATION, params)

    def report(self, agent: str, claim: Claim, report: Report) -> Task:
        params = pull_record.PullRecord(
            agent_name=agent, task_id=claim.task.key, token=claim.token, **asdict(report)
        )
        return self._context.call(pull_record.OPERATION, params).task

    def report_tests(self, claim: Claim, commit: str, tests: Tests) -> Task:
        params = tests_record.TestsRecord(id=claim.task.key, commit=commit, tests=tests, token=claim.token)
        return self._context.call(tests_record.OPERATION, params)

    def rework(self, task: str, onto: str, reason: str) -> Task:
        params = task_rework.TaskRework(id=task, onto=onto, reason=reason)
        return self._context.call(task_rework.OPERATION, params)

    def release(self, claim: Claim, usage: Usage | None = None) -> None:
        params = task_release.TaskRelease(id=claim.task.key, token=claim.token, usage=usage)
        self._context.call(task_release.OPERATION, params)

    def reserve(self, claim: Claim, used: Usage, wanted: Usage) -> bool:
        params = task_reserve.TaskReserve(
            id=claim.task.key,
            token=claim.token,
            used=used.tokens,
            wanted=wanted.tokens,
            used_output=used.output_tokens,
            wanted_output=wanted.output_tokens,
        )
        return self._context.call(task_reserve.OPERATION, params).granted

    def _pid(self) -> int | None:
        """Only the store on this host can see whether our process lives."""
        return None if self._context.api_url else os.getpid()

    def _worth_asking(self) -> bool:
        """Every write renames a file into the folder, so its time tells an idle agent that nothing is new."""
        if self._context.api_url:
            return True
        folder = self._context.store.location.records / Task.folder
        changed = folder.stat().st_mtime_ns if folder.exists() else 0
        if changed == self._asked[0] and time.monotonic() < self._asked[1] + _FRESH:
            return False
        self._asked = (changed, time.monotonic())
        return True
