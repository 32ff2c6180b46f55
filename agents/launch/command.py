"""Land by a command of the user's own: run it, see that what it launched is healthy, roll back if it is not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.processes.environment import clean_environment
from agents.sandbox.run import Finished, Limits, run
from agents.worktrees.workspace import Workspace
from state.config import Launch as Settings
from state.errors import UsageError, WorkFailed
from state.keys import number_of
from state.records import Landing, Launch, Plan
from state.store import Store

_PAUSE = 2.0  # seconds between two health checks
_OUTPUT = 1000  # characters of a command's end that a message shows


def command(store: Store, workspace: Workspace, plan: Plan, landing: Landing) -> None:
    """In a worktree of the very commit. Raises WorkFailed, and says what was rolled back and what was not.

    It may have effects that nobody can look at, so what is recorded and healthy is not launched again.
    """
    settings = checked(store.config.launch)
    logs = workspace.private / "logs" / f"launch-{plan.key}"
    logs.mkdir(parents=True, exist_ok=True)
    with workspace.pool.checkout(landing.commit) as worktree:
        steps = _Steps(settings, worktree.path, _environment(settings, plan, landing), logs)
        if _recorded(store, plan, landing) and steps.healthy(0):
            return
        why = steps.launch()
        if why:
            raise WorkFailed(f"{why}; {steps.roll_back()}", f"the output is in {logs}")


def checked(settings: Settings) -> Settings:
    if settings.command is None:
        raise UsageError("there is no command to launch with", "set launch.command in .refactory/config.yaml")
    return settings


def _environment(settings: Settings, plan: Plan, landing: Landing) -> dict[str, str]:
    given = {
        "REFACTORY_COMMIT": landing.commit,
        "REFACTORY_BEFORE": landing.before,
        "REFACTORY_TARGET_BRANCH": landing.target_branch,
        "REFACTORY_PLAN_ID": str(number_of(plan.key)),
        "REFACTORY_PLAN_KEY": plan.key,
    }
    return clean_environment(given, pass_env=settings.pass_env)


def _recorded(store: Store, plan: Plan, landing: Landing) -> bool:
    return bool(store.all(Launch, lambda launch: launch.plan == plan.key and launch.landing == landing))


@dataclass(frozen=True)
class _Steps:
    settings: Settings
    folder: Path
    environment: Mapping[str, str]
    logs: Path

    def launch(self) -> str:
        """Why it has failed; empty if it has not."""
        done = self._run("command", self.settings.command or "", self.settings.seconds)
        if _why(done):
            return f"launch.command {_why(done)}"
        if self.healthy(self.settings.health_seconds):
            return ""
        return (
            f"launch.command ended well, but launch.healthCheck failed for {self.settings.health_seconds:g} s"
        )

    def healthy(self, seconds: float) -> bool:
        """Within so many seconds; at once if there is no check."""
        if self.settings.health_check is None:
            return True
        deadline = time.monotonic() + seconds
        while True:
            left = max(deadline - time.monotonic(), _PAUSE)
            if not _why(self._run("health-check", self.settings.health_check, left)):
                return True
            if time.monotonic() + _PAUSE > deadline:
                return False
            time.sleep(_PAUSE)

    def roll_back(self) -> str:
        if self.settings.rollback is None:
            return "nothing was rolled back (there is no launch.rollback): what it has changed is still so"
        why = _why(self._run("rollback", self.settings.rollback, self.settings.seconds))
        return f"launch.rollback {why}, too: what it has changed is still so" if why else "it was rolled back"

    def _run(self, name: str, command: str, seconds: float) -> Finished:
        return run(
            command,
            cwd=self.folder,
            env=self.environment,
            log=self.logs / f"{name}.log",
            limits=Limits(seconds=seconds, memory_mb=None, processes=None),
        )


def _why(finished: Finished) -> str:
    if finished.stopped:
        return f"was ended: over its limit ({finished.stopped})"
    if not finished.exit_code:
        return ""
    said = finished.tail(_OUTPUT).strip().splitlines()[-1:]
    return f"ended with exit code {finished.exit_code}" + (f" ({said[0]})" if said else "")
