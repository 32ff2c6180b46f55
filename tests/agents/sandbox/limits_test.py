"""Acceptance 13: a daemon, 400 forks, 4 GB of memory, endless output; with walls and without."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from agents.sandbox.run import Finished
from state.config import Sandbox as Settings
from tests.agents.sandbox.rooms import Room

WORD = f"victim-{uuid.uuid4().hex}"  # an argument by which whatever is left is found
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", sys.argv[1]], {})
    os._exit(0)
time.sleep(600)
"""
FORKS = """
import os, sys, time
for _ in range(400):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
time.sleep(600)
"""
MEMORY = """
import sys, os, time
held = [bytearray(os.urandom(1 << 10) * 1024) for _ in range(4096)]
time.sleep(600)
"""
SHARED = """
import mmap, os, sys, time
for _ in range(16):
    if os.fork() == 0:
        held = bytearray(os.urandom(1 << 10) * 1024 * 64)
        time.sleep(600)
time.sleep(600)
"""
OUTPUT = "import sys\nwhile True: print('x' * 10000)\n"


@pytest.fixture(params=["bwrap", "none"])
def either(request: pytest.FixtureRequest) -> Room:
    room: Room = request.getfixturevalue("room" if request.param == "bwrap" else "free_room")
    room.settings = Settings(mode=request.param, memory_mb=256, processes=200)
    return room


def attack(room: Room, code: str, seconds: float) -> tuple[Finished, float]:
    """How it ended, and how long after its limit nothing was left of it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    end = room([sys.executable, "-c", code, WORD], seconds=seconds, VIRTUAL_ENV=sys.prefix)
    late = time.monotonic() - started - seconds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024, "kilobytes"
    assert left() == []
    return end, late


def left() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if WORD.encode() in words:
            found.append(f"{path.parent.name} {words!r}")
    return found


def test_a_daemon_without_an_environment_dies_with_the_walls(room: Room) -> None:
    end, late = attack(room, DAEMON, 1)
    assert end.stopped == "time"
    assert late < 2


def test_nothing_outlives_refactory_itself(room: Room, tmp_path: Path) -> None:
    """Killed with no chance to tidy up; behind walls, its commands die with it."""
    source = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from pathlib import Path
from agents.processes.environment import clean_environment
from agents.sandbox.run import run
from agents.sandbox import Access
from state.config import Sandbox as Settings
view = Access(Path({str(room.worktree.path)!r}), None, Settings(mode="bwrap"))
run(["sh", "-c", "echo > started; sleep 600", {WORD!r}], cwd=view.worktree, env=clean_environment(),
    log=Path({str(tmp_path / "log")!r}), sandbox=view)
"""
    with subprocess.Popen([sys.executable, "-c", source]) as process:
        while not (room.worktree.path / "started").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    deadline = time.monotonic() + 2
    while [one for one in left() if "sleep" in one and str(process.pid) not in one]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_four_hundred_forks(either: Room) -> None:
    end, late = attack(either, FORKS, 10)
    assert end.stopped == "processes"
    assert late < 2


@pytest.mark.parametrize("code", [MEMORY, SHARED])
def test_memory_of_one_and_of_many(either: Room, code: str) -> None:
    end, late = attack(either, code, 20)
    assert end.stopped == "memory" or "MemoryError" in end.tail()
    assert late < 2


def test_files_in_memory_count(room: Room) -> None:
    room.settings = Settings(mode="bwrap", memory_mb=64)
    end = room("head -c 50M /dev/zero >/tmp/a; head -c 50M /dev/zero >~/b; sleep 60", seconds=20)
    assert end.stopped == "memory"


def test_endless_output(either: Room) -> None:
    end, late = attack(either, OUTPUT, 2)
    assert (end.stopped, end.output_truncated) == ("time", True)
    assert end.output_path.stat().st_size < 9 * 2**20
    assert late < 2
