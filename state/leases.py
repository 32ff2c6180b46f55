"""Who works on a task right now: holder, fencing token, end. In `.git/refactory/leases`, under the store's lock.

A lease ends when it is released, when its time is over, or at once when its process on this host is gone. Time is
the uptime of the machine whose process wrote the lease: nobody can set it. Read on another machine, or after a
restart, it is the wall clock, which may be wrong either way, but moves the end by the length of the lease at most.

The token only ever grows, so that a holder that wakes up late is told apart from the one that followed it
(Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from state import clock
from state.birth import birth, place
from state.errors import Conflict
from state.keys import number_of
from state.private_files import write_private

_SKIPPED = 1_000_000  # more than can be given out before the kernel has written the counter to the disk
_SKEW = 10.0  # seconds that the clocks of machines with one git folder may differ; with NTP it is far less than one


class Lease(msgspec.Struct, frozen=True):
    """`expires` on the wall clock, `until` in the uptime of `boot`. `born` tells the holder's process from others.

    `lost`: how many before it, one after the other, ended without a report. The tokens: used so far, and wanted
    by the call that the holder is making, and how many of them are an answer's; they bound what others may ask for.
    """

    task: str
    holder: str
    token: int
    expires: float
    seconds: float = 0.0
    until: float = 0.0
    boot: str = ""
    host: str = ""
    pid: int | None = None
    born: str | None = None
    lost: int = 0
    tokens_used: int = 0
    tokens_wanted: int = 0
    output_used: int = 0
    output_wanted: int = 0

    def live(self) -> bool:
        return self.left() > 0 and not self._orphaned()

    def left(self) -> float:
        """Seconds until it is over."""
        now = clock.CLOCK
        left = self.until - now.uptime()
        if self.boot == now.boot() and left <= self.seconds:  # more than it had: another container's uptime
            return left
        left = self.expires + _SKEW - now.wall()
        return left if left <= self.seconds + 2 * _SKEW else 0.0

    def _orphaned(self) -> bool:
        """Its process is gone, as far as can be told from here."""
        if self.pid is None or self.host != os.uname().nodename:
            return False
        if self.boot != clock.CLOCK.boot():
            return True  # this machine was started anew
        if self.born is None:
            return True  # it was gone before it had the lease
        return self.born.startswith(place()) and self.born != birth(self.pid)


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
    lease = Lease(
        task=task,
        holder=holder,
        token=_next_token(private),
        expires=0.0,
        host=os.uname().nodename,
        pid=pid,
        born=birth(pid) if pid else None,
        lost=current.lost + 1 if current else 0,
    )
    return _extended(lease, seconds)


def renew(private: Path, task: str, token: int, seconds: float) -> None:
    write(private, _extended(check(private, task, token), seconds))


def check(private: Path, task: str, token: int) -> Lease:
    """The lease with this token, if its time is not over. Raises Conflict for a late holder."""
    lease = find(private, task)
    if lease is None or lease.token != token or lease.left() <= 0:
        raise Conflict(
            f"the lease on task {number_of(task)} with token {token} is over",
            f"somebody else may work on it now; what was done is kept at refs/refactory/backup/{task}/",
        )
    return lease


def release(private: Path, task: str) -> None:
    _path(private, task).unlink(missing_ok=True)


def kept(lease: Lease) -> tuple[str, str]:
    """Its file in the private folder and what is in it, for a transaction to keep: with the claim, or not at all."""
    return f"leases/{lease.task}.json", msgspec.json.encode(lease).decode()


def write(private: Path, lease: Lease) -> None:
    name, text = kept(lease)
    write_private(private / name, text)


def _extended(lease: Lease, seconds: float) -> Lease:
    now = clock.CLOCK
    return msgspec.structs.replace(
        lease, expires=now.wall() + seconds, seconds=seconds, until=now.uptime() + seconds, boot=now.boot()
    )


def _next_token(private: Path) -> int:
    """Nothing waits for the disk: after a start of the machine, which may have lost the last ones, many are skipped."""
    path, boot = private / "fencing", clock.CLOCK.boot()
    last, told = _last_token(path)
    token = last + 1 if boot == told else last + _SKIPPED
    private.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.truncate(descriptor, os.pwrite(descriptor, f"{token:20d} {boot}\n".encode(), 0))
    finally:
        os.close(descriptor)
    return token


def _last_token(path: Path) -> tuple[int, str]:
    """The counter, and the start of the machine in which it was written."""
    try:
        token, boot = path.read_text(encoding="ascii").split()
        return int(token), boot
    except FileNotFoundError:
        return 0, clock.CLOCK.boot()
    except ValueError:
        # Damaged: more than were ever given out, at less than one a second.
        return int(clock.CLOCK.wall()), clock.CLOCK.boot()


def _path(private: Path, task: str) -> Path:
    return private / "leases" / f"{task}.json"
