"""Which process a pid meant when it was written down: pids are used again, also after a restart of the machine."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from state import clock


def birth(pid: int) -> str | None:
    """Where and when the process began, such as no other ever has; None if it is gone."""
    began = _began(pid)
    return f"{place()} {began}" if began else None


def place() -> str:
    """Where pids mean the same as here: this start of the machine, and this container on it."""
    return f"{clock.CLOCK.boot()} {_pid_namespace()}"


@cache
def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path, just a name
    except OSError:
        return "-"


def _began(pid: int) -> str | None:
    """In clock ticks since the start of the machine (proc(5), field 22 of stat)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _alive_without_proc(pid)
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _alive_without_proc(pid: int) -> str | None:
    if Path("/proc/self").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "alive"
