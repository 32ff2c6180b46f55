"""One attempt at a task, as it is handed to a backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agents.model.meter import Meter
from agents.tasks.work import Claim
from agents.worktrees.worktree import Worktree
from state.errors import RefactoryError

_LONGEST = 2000  # characters of a message


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

    A backend that learns what it costs adds it to `meter` as it goes, to `tolerances` what it had to overlook, and to
    `messages` what the agent says, without secrets; the last one is recorded.
    """

    claim: Claim
    worktree: Worktree
    logs: Path
    home: Path
    keep_running: Callable[[], bool]
    meter: Meter = field(default_factory=Meter)
    tolerances: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """Of the last one, what a record can hold."""
        last = self.messages[-1] if self.messages else ""
        return "".join(char for char in last if char.isprintable() or char in "\n\t")[:_LONGEST]
