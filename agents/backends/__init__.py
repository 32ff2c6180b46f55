"""What solves a task: each module has `solve(job)`, and is itself the plug-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from agents.meter import Meter
from agents.work import Claim
from agents.worktrees import Worktree
from state.errors import RefactoryError
from state.records import Usage


class AttemptFailed(RefactoryError):
    """This attempt gave nothing; the reason goes back to the coder, and counts against the attempts."""

    code = "attempt_failed"
    final = False


class NoUse(AttemptFailed):
    """Another attempt would end the same way."""

    final = True


@dataclass(frozen=True)
class Job:
    """One attempt: the claim, a clean worktree at its start, where logs go, and whether it is still ours.

    A backend that learns what it costs adds it to `meter` as it goes, and to `tolerances` what it had to overlook.
    """

    claim: Claim
    worktree: Worktree
    logs: Path
    home: Path
    keep_running: Callable[[], bool]
    meter: Meter = field(default_factory=Meter)
    tolerances: list[str] = field(default_factory=list)


def solver(name: str) -> Callable[[Job], Usage | None]:
    """A backend's `solve`: it changes the worktree, or raises AttemptFailed."""
    solve: Callable[[Job], Usage | None] = import_module(f"agents.backends.{name}").solve
    return solve
