"""Time: as it is written into records, and as leases are measured."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

from state.errors import InvalidFile


def now() -> str:
    """RFC 3339, UTC, whole seconds."""
    return stamp(time.time())


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def seconds(text: str) -> float:
    """What `now` has written, in seconds since 1970. Raises InvalidFile for what somebody else wrote there."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise InvalidFile(f"a record's time is {text!r}", "mend it: 2026-11-22T10:30:00Z") from None


class Clock:
    """`wall` may be set to anything at any time; `uptime` only runs on, but means something in one `boot` only."""

    def wall(self) -> float:
        return time.time()

    def uptime(self) -> float:
        """Stands still while the machine sleeps, as all that works on it does."""
        return time.monotonic()

    def boot(self) -> str:
        return _boot()


CLOCK = Clock()


@cache
def _boot() -> str:
    """The kernel's id of this start of the machine; containers on it share both id and uptime."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return os.uname().nodename
