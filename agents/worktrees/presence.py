"""Who is at work in a clone: between two tasks an agent holds no lease, but its worktree is kept for the next."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.git.lock import clear_killed
from agents.worktrees.workspace import Workspace
from state.birth import birth
from state.private_files import write_private


@contextmanager
def working(workspace: Workspace) -> Iterator[None]:
    """At work as long as the block lasts; the last one to leave removes the worktrees."""
    clear_killed(workspace.git_lock)
    try:
        with present(workspace.private):
            yield
    finally:
        if not anybody(workspace.private):
            workspace.pool.dispose()


@contextmanager
def present(private: Path) -> Iterator[None]:
    """This process is seen as long as the block lasts, or as it lives."""
    mark = private / "agents" / f"{os.getpid()}-{secrets.token_hex(4)}"
    write_private(mark, birth(os.getpid()) or "")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def anybody(private: Path) -> bool:
    """True if somebody is at work. Marks of killed processes are removed."""
    alive = False
    for mark in (private / "agents").glob("[0-9]*"):
        with suppress(FileNotFoundError):  # it has just left
            if mark.read_text(encoding="utf-8") == birth(int(mark.name.partition("-")[0])):
                alive = True
            else:
                mark.unlink()
    return alive
