from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
AGENT = """\
import os, sys, time
sys.path.insert(0, sys.argv[1])
from agents.workers import prefork
prefork._PATIENCE = float(sys.argv[5])
name = prefork.prefork(["a", "b"], int(sys.argv[3]) or None)
open(f"{sys.argv[2]}/{name}-{os.getpid()}", "w").close()
if os.path.exists(f"{sys.argv[2]}/fail-{name}"):
    sys.exit(4)
time.sleep(float(sys.argv[4]))
"""


@contextmanager
def agents(
    folder: Path, parent: int = 0, seconds: float = 60, patience: float = 15
) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-c", AGENT, str(ROOT), str(folder), *map(str, (parent, seconds, patience))]
    process = subprocess.Popen(argv)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def started(folder: Path, name: str) -> list[int]:
    return [int(path.name.rpartition("-")[2]) for path in folder.glob(f"{name}-*")]


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_name_is_a_process_and_a_killed_one_starts_again(tmp_path: Path) -> None:
    with agents(tmp_path):
        wait_for(lambda: bool(started(tmp_path, "a") and started(tmp_path, "b")))
        [first], [other] = started(tmp_path, "a"), started(tmp_path, "b")
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: len(started(tmp_path, "a")) == 2)
        assert alive(other)
        assert started(tmp_path, "b") == [other]
    pids = [*started(tmp_path, "a"), other]
    wait_for(lambda: not any(map(alive, pids)))


def test_one_that_fails_by_itself_ends_all(tmp_path: Path) -> None:
    (tmp_path / "fail-b").touch()
    with agents(tmp_path) as supervisor:
        assert supervisor.wait(timeout=20) == 4
    assert not any(map(alive, started(tmp_path, "a")))


def test_it_ends_when_all_have_ended(tmp_path: Path) -> None:
    with agents(tmp_path, seconds=0) as supervisor:
        assert supervisor.wait(timeout=20) == 0
    assert len(started(tmp_path, "a")) == len(started(tmp_path, "b")) == 1


def test_it_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {AGENT!r}, {str(ROOT)!r}, "
    script += f"{str(tmp_path)!r}, str(__import__('os').getpid()), '60', '15']); sys.stdin.read()"
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    wait_for(lambda: bool(started(tmp_path, "a") and started(tmp_path, "b")))
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(alive, [*started(tmp_path, "a"), *started(tmp_path, "b")])))


def test_children_that_were_just_forked_are_told_to_end(tmp_path: Path) -> None:
    """Many times, as the moment is short. Untold they would work on until our patience ends, if it did."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    with ExitStack() as stack:
        running = [stack.enter_context(agents(tmp_path, gone.pid, 90, patience=80)) for _ in range(12)]
        assert [supervisor.wait(timeout=60) for supervisor in running] == [0] * 12
