"""Leases against clocks that are set, machines that restart, and processes that are gone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from state import clock, leases
from state.clock import Clock
from state.errors import Conflict
from state.leases import Lease

TASK = "1-aaaaaaaa"
YEAR = 365 * 86_400.0
LENGTH = 60.0


@dataclass
class Told(Clock):
    """A clock that says what it is told."""

    time: float = 1_800_000_000.0
    up: float = 1_000.0
    start: str = "boot-1"

    def wall(self) -> float:
        return self.time

    def uptime(self) -> float:
        return self.up

    def boot(self) -> str:
        return self.start

    def passes(self, seconds: float) -> None:
        self.time += seconds
        self.up += seconds


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(clock, "CLOCK", told)
    return told


def take(private: Path, holder: str = "coder-1", pid: int | None = None) -> Lease:
    lease = leases.offer(private, TASK, holder, pid, LENGTH)
    leases.write(private, lease)
    return lease


def is_free(private: Path) -> bool:
    lease = leases.find(private, TASK)
    return lease is None or not lease.live()


def test_a_lease_lasts_its_time_and_a_heartbeat_makes_it_longer(told: Told, tmp_path: Path) -> None:
    lease = take(tmp_path)
    told.passes(50)
    leases.renew(tmp_path, TASK, lease.token, LENGTH)
    told.passes(50)
    assert not is_free(tmp_path)
    with pytest.raises(Conflict, match="held by coder-1"):
        take(tmp_path, "coder-2")
    told.passes(11)
    assert take(tmp_path, "coder-2").token > lease.token
    for late in (leases.check, lambda *given: leases.renew(*given, LENGTH)):
        with pytest.raises(Conflict, match="is over"):
            late(tmp_path, TASK, lease.token)


@pytest.mark.parametrize("jump", [-YEAR, -3_600.0, 3_600.0, YEAR])
def test_a_clock_that_is_set_neither_ends_nor_prolongs_a_lease(
    told: Told, tmp_path: Path, jump: float
) -> None:
    """The clock of the one machine, set a year ahead or back while the lease runs."""
    lease = take(tmp_path)
    told.time += jump
    told.passes(LENGTH - 1)
    assert not is_free(tmp_path), "it is live"
    assert leases.check(tmp_path, TASK, lease.token)
    told.passes(2)
    assert is_free(tmp_path), "it is over"
    with pytest.raises(Conflict):
        leases.check(tmp_path, TASK, lease.token)


@pytest.mark.parametrize("off", [-9.0, 0.0, 9.0])
def test_on_another_machine_clocks_may_differ_a_little(told: Told, tmp_path: Path, off: float) -> None:
    take(tmp_path)
    told.start, told.up = "boot-2", 5.0
    told.time += off
    assert not is_free(tmp_path)
    told.passes(LENGTH - 1)
    assert not is_free(tmp_path), "not before it is over for its holder"
    told.passes(21)
    assert is_free(tmp_path)


@pytest.mark.parametrize("jump", [-YEAR, -3_600.0, 3_600.0, YEAR])
def test_a_clock_that_is_far_off_never_keeps_a_dead_holders_task(
    told: Told, tmp_path: Path, jump: float
) -> None:
    """Another machine, or this one after a restart with its clock lost."""
    take(tmp_path)
    told.start, told.up = "boot-2", 5.0
    told.time += jump
    told.passes(LENGTH + 21)
    assert is_free(tmp_path)


@given(off=st.floats(-2 * YEAR, 2 * YEAR), up=st.floats(0, YEAR), same=st.booleans())
def test_whatever_the_clocks_say_a_lease_has_an_end(off: float, up: float, same: bool) -> None:
    """At no moment are more seconds left than it has in all, and the skew that is borne with."""
    lease = Lease(TASK, "coder-1", 1, expires=1_800_000_060.0, seconds=LENGTH, until=1_060.0, boot="boot-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "CLOCK", Told(1_800_000_000.0 + off, up, "boot-1" if same else "boot-2"))
        assert lease.left() <= LENGTH + 20


def test_in_another_containers_uptime_the_wall_clock_counts(told: Told, tmp_path: Path) -> None:
    """A time namespace: the same boot, an uptime of its own."""
    take(tmp_path)
    told.up = 3.0
    assert not is_free(tmp_path)
    told.passes(LENGTH + 11)
    assert is_free(tmp_path)


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    process = sleeper()
    take(tmp_path, pid=process.pid)
    assert not is_free(tmp_path)
    process.kill()
    process.wait()
    assert is_free(tmp_path)


def test_after_a_restart_the_same_pid_is_another_process(told: Told, tmp_path: Path) -> None:
    take(tmp_path, pid=os.getpid())
    assert not is_free(tmp_path)
    told.start = "boot-2"
    assert is_free(tmp_path)


def test_a_process_that_can_not_be_seen_from_here_keeps_its_time(told: Told, tmp_path: Path) -> None:
    """Another host with the same git folder: its processes are none of ours."""
    leases.write(tmp_path, replace(take(tmp_path, pid=2**22 + 1), host="other"))
    assert not is_free(tmp_path)
    told.passes(LENGTH + 1)
    assert is_free(tmp_path)


def test_tokens_grow_also_after_their_counter_was_damaged(tmp_path: Path) -> None:
    first = leases.offer(tmp_path, TASK, "coder-1", None, LENGTH)
    second = leases.offer(tmp_path, TASK, "coder-1", None, LENGTH)
    (tmp_path / "fencing").write_bytes(b"\0\0")
    third = leases.offer(tmp_path, TASK, "coder-1", None, LENGTH)
    assert first.token < second.token < third.token


def test_tokens_that_a_power_cut_lost_are_not_given_again(told: Told, tmp_path: Path) -> None:
    """The counter is not waited for, so the disk may have an older one after the machine was started again."""
    on_disk = leases.offer(tmp_path, TASK, "coder-1", None, LENGTH) and (tmp_path / "fencing").read_bytes()
    lost = leases.offer(tmp_path, TASK, "coder-1", None, LENGTH)
    (tmp_path / "fencing").write_bytes(on_disk)
    told.start = "another-start"
    assert leases.offer(tmp_path, TASK, "coder-2", None, LENGTH).token > lost.token


def test_a_damaged_lease_holds_nothing(tmp_path: Path) -> None:
    lease = take(tmp_path)
    (tmp_path / "leases" / f"{TASK}.json").write_bytes(b"{")
    with pytest.raises(Conflict):
        leases.check(tmp_path, TASK, lease.token)
    assert take(tmp_path, "coder-2").holder == "coder-2"
