"""What solves a task: each module has `solve(job)`, and is itself the plug-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from agents.work import Claim
from agents.worktrees import Worktree
from state.errors import RefactoryError
from state.records import Usage


class AttemptFailed(RefactoryError):
    """This attempt gave nothing; the reason goes back to the coder, and counts against the attempts."""

    code = "attempt_failed"


@dataclass
class Meter:
    """What an attempt has cost so far. Also what a failed or interrupted one cost counts against the budgets."""

    usage: Usage | None = None

    @property
    def tokens(self) -> int:
        return self.usage.input_tokens + self.usage.output_tokens if self.usage else 0

    def add(self, more: Usage) -> None:
        so_far = self.usage or Usage()
        self.usage = Usage(
            model=more.model,
            requests=so_far.requests + more.requests,
            input_tokens=so_far.input_tokens + more.input_tokens,
            output_tokens=so_far.output_tokens + more.output_tokens,
        )


@dataclass(frozen=True)
class Job:
    """One attempt: the claim, a clean worktree at its start, where logs go, and whether it is still ours.

    A backend that learns what it costs adds it to `meter` as it goes.
    """

    claim: Claim
    worktree: Worktree
    logs: Path
    home: Path
    keep_running: Callable[[], bool]
    meter: Meter = field(default_factory=Meter)


def solver(name: str) -> Callable[[Job], Usage | None]:
    """A backend's `solve`: it changes the worktree, or raises AttemptFailed."""
    solve: Callable[[Job], Usage | None] = import_module(f"agents.backends.{name}").solve
    return solve
