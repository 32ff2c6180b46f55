"""Which agents are alive on this host: between two tasks they hold no lease, but keep worktrees for the next."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from state.leases import started
from state.private_files import write_private


@contextmanager
def present(private: Path) -> Iterator[None]:
    """This process is an agent as long as the block lasts, or as it lives."""
    mark = private / "agents" / str(os.getpid())
    write_private(mark, started(os.getpid()) or "")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def anybody(private: Path) -> bool:
    """True if an agent is alive. Marks of killed ones are removed."""
    alive = False
    for mark in (private / "agents").glob("[0-9]*"):
        with suppress(FileNotFoundError):  # its agent has just ended
            if mark.read_text(encoding="utf-8") == started(int(mark.name)):
                alive = True
            else:
                mark.unlink()
    return alive
