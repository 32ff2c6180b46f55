"""Who works on a task right now: holder, fencing token, expiry. In `.git/refactory/leases`, under the store's lock.

A lease ends when it is released, when its time is over, or at once when its process on this host is gone.
The token only ever grows, so that a holder that wakes up late is told apart from the one that followed it
(Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import msgspec

from state.errors import Conflict
from state.keys import number_of
from state.private_files import write_private


class Lease(msgspec.Struct, frozen=True):
    task: str
    holder: str
    token: int
    expires: float
    host: str | None = None
    pid: int | None = None
    started: str | None = None

    def live(self) -> bool:
        if self.expires < time.time():
            return False
        if self.pid is None or self.host != socket.gethostname():
            return True
        return self.started is not None and self.started == started(self.pid)


def find(private: Path, task: str) -> Lease | None:
    try:
        return msgspec.json.decode(_path(private, task).read_bytes(), type=Lease)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def all_leases(private: Path) -> list[Lease]:
    found = (find(private, path.stem) for path in sorted((private / "leases").glob("*.json")))
    return [lease for lease in found if lease is not None]


def offer(private: Path, task: str, holder: str, pid: int | None, seconds: float) -> Lease:
    """A lease with a new token, to be written once the claim is. Raises Conflict while another one is live."""
    current = find(private, task)
    if current and current.live():
        raise Conflict(f"task {number_of(task)} is held by {current.holder}", "wait for its lease to end")
    born = started(pid) if pid else None
    host = socket.gethostname() if pid else None
    return Lease(task, holder, _next_token(private), time.time() + seconds, host, pid, born)


def renew(private: Path, task: str, token: int, seconds: float) -> None:
    lease = check(private, task, token)
    write(private, msgspec.structs.replace(lease, expires=time.time() + seconds))


def check(private: Path, task: str, token: int) -> Lease:
    """The live lease with this token. Raises Conflict for a late holder."""
    lease = find(private, task)
    if lease is None or lease.token != token or lease.expires < time.time():
        raise Conflict(
            f"the lease on task {number_of(task)} with token {token} is over",
            "somebody else may work on it now; what was done is kept on its branch",
        )
    return lease


def release(private: Path, task: str) -> None:
    _path(private, task).unlink(missing_ok=True)


def started(pid: int) -> str | None:
    """When the process began, in clock ticks (proc(5) stat field 22); None if it is gone."""
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


def _next_token(private: Path) -> int:
    path = private / "fencing"
    token = int(path.read_text(encoding="utf-8")) + 1 if path.exists() else 1
    write_private(path, f"{token}\n")
    return token


def write(private: Path, lease: Lease) -> None:
    write_private(_path(private, lease.task), msgspec.json.encode(lease).decode())


def _path(private: Path, task: str) -> Path:
    return private / "leases" / f"{task}.json"
