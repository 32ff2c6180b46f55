"""How many agents run at once on this machine: as many as its memory holds, and one in any case.

Each holds a numbered lock; the kernel lets go of it, however the agent's process ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from state.location import user_cache

_WAIT = 0.5  # seconds between two looks for room
_MOST = 256
_CGROUP = Path("/sys/fs/cgroup")


@contextmanager
def admitted(memory_mb: int, keep_running: Callable[[], bool]) -> Iterator[None]:
    """Waits until there is room for one more agent that needs so much, or until nobody wants it any more."""
    from filelock import FileLock, Timeout

    folder = user_cache() / "agents"
    folder.mkdir(parents=True, exist_ok=True)
    places = [FileLock(folder / f"{number}.lock") for number in range(1, places_for(memory_mb) + 1)]
    while True:
        for place in places:
            with suppress(Timeout):
                place.acquire(timeout=0)
                try:
                    yield
                finally:
                    place.release()
                return
        if not keep_running():
            yield
            return
        time.sleep(_WAIT)


@cache
def places_for(memory_mb: int) -> int:
    """By what is free when this process asks first, which is before its agents have taken any of it."""
    free = free_mb()
    return _MOST if free is None else max(1, min(_MOST, free // memory_mb))


def free_mb() -> int | None:
    """What the machine has, or what is left of the container's share (cgroups(7)); None where nobody tells."""
    found = [free for free in (_machine(), _container()) if free is not None]
    return min(found, default=None)


def _machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return None


def _container() -> int | None:
    with suppress(OSError, ValueError):
        most = int((_CGROUP / "memory.max").read_text(encoding="ascii"))  # `max`: no limit
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        return max(0, most - used) // 2**20
    return None
