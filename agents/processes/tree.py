"""The processes of one run: which they are, what memory they hold, and how they are ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from state.errors import WorkFailed

MARK = "REFACTORY_RUN_ID"
_PAGE = os.sysconf("SC_PAGE_SIZE")


def kill(process: subprocess.Popen[bytes], token: str) -> None:
    """Killing takes rounds, as a process may fork between being seen and being killed."""
    deadline = time.monotonic() + 5
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    while (alive := list(members(process.pid, token))) and time.monotonic() < deadline:
        for pid in alive:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired as error:
        raise WorkFailed(f"process {process.pid} cannot be ended", "did it change its user?") from error


def members(session: int, token: str) -> Iterator[int]:
    """The living processes of a run: those in its session, and those that carry its mark."""
    with suppress(FileNotFoundError):
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and _belongs(entry, session, token.encode()):
                    yield int(entry.name)


def _belongs(entry: Path, session: int, token: bytes) -> bool:
    state, _, _, of_session = (entry / "stat").read_bytes().rpartition(b") ")[2].split()[:4]
    if state in b"ZX":
        return False
    return int(of_session) == session or token in (entry / "environ").read_bytes()


@dataclass(frozen=True)
class Tree:
    """`scratch` are the folders that a walled run has in memory; None where there are no walls."""

    process: int
    token: str
    scratch: tuple[str, ...] | None

    def over(self, processes: int | None, memory_mb: int | None) -> Literal["processes", "memory"] | None:
        pids = list(members(self.process, self.token) if self.scratch is None else _descendants(self.process))
        if processes and len(pids) > processes:
            return "processes"
        if memory_mb and self._bytes(pids, memory_mb * 2**20) > memory_mb * 2**20:
            return "memory"
        return None

    def _bytes(self, pids: list[int], limit: int) -> int:
        """What is mapped is quick to learn, but counts shared pages for each; the slow way only if that is much."""
        files = _used(pids[-1], self.scratch) if self.scratch and pids else 0
        mapped = sum(_resident(pid) for pid in pids) + files
        return mapped if mapped <= limit else sum(_proportional(pid) for pid in pids) + files


def _descendants(root: int) -> Iterator[int]:
    """Behind walls all stay below the first process, orphans as well (proc_pid_task(5), `children`)."""
    todo = [root]
    while todo:
        pid = todo.pop()
        yield pid
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with suppress(OSError):
                    todo += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    """Shared pages divided by how many share them (proc_pid_smaps(5))."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _used(pid: int, folders: tuple[str, ...]) -> int:
    """Seen through the eyes of a process behind the walls; it may still be on its way there."""
    total = 0
    for folder in folders:
        inside = Path(f"/proc/{pid}/root{folder}")
        with suppress(OSError):
            if not inside.samefile(folder):
                found = os.statvfs(inside)
                total += (found.f_blocks - found.f_bfree) * found.f_frsize
    return total
