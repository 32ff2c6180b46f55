"""What solves a task: each module has `solve(job)`, and is itself the plug-in."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from agents.tasks.attempt import Job
from state.records import Usage


def solver(name: str) -> Callable[[Job], Usage | None]:
    """A backend's `solve`: it changes the worktree, or raises AttemptFailed."""
    solve: Callable[[Job], Usage | None] = import_module(f"agents.backends.{name}").solve
    return solve
