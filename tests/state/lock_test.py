from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, Event

import pytest

from state.errors import Busy, RefactoryError
from state.lock import locked
from state.records import Request
from state.store import Store
from tests.conftest import Refactory

ROOT = Path(__file__).parents[2]
HOLD = """\
import sys, time
from pathlib import Path
from state.lock import locked
with locked(Path(sys.argv[1]), "orchestrate"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until its stdin ends."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def in_fork(work: Callable[[], object]) -> int:
    """The exit code of a forked child: 0 if `work` is true."""
    pid = os.fork()
    if pid == 0:
        code = 99
        with suppress(BaseException):
            code = 0 if work() else 1
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def is_free(path: Path) -> bool:
    try:
        with locked(path, "t", seconds=0):
            return True
    except Busy:
        return False


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("state.lock._PATIENCE", 0.05)
    return tmp_path / "lock"


def test_a_lock_that_is_kept_is_an_error_that_says_by_whom(path: Path) -> None:
    process = holder(path)
    with pytest.raises(Busy) as caught, locked(path, "t", seconds=0):
        pass
    assert caught.value.hint.startswith(f"held by orchestrate (pid {process.pid}) since ")
    process.communicate("")
    assert is_free(path)


def test_a_waiting_command_says_for_whom(refactory: Refactory, store: Store) -> None:
    process = holder(store.location.private / "lock")
    waiting = refactory.start("request:create", "--title", "T")
    assert waiting.stderr
    assert waiting.stderr.readline().startswith(
        f"refactory: waiting for lock, held by orchestrate (pid {process.pid})"
    )
    process.communicate("")
    waiting.communicate()
    assert waiting.returncode == 0


def test_a_killed_holder_blocks_nobody(path: Path) -> None:
    process = holder(path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert is_free(path)


def test_threads_exclude_each_other(path: Path) -> None:
    """Each adds to a number by reading and writing it, with a switch to another thread in between."""
    total, start = [0], Barrier(8)

    def work(_: int) -> None:
        start.wait()
        for _ in range(10):
            with locked(path, "t"):
                before = total[0]
                Event().wait(0.0005)
                total[0] = before + 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert total == [80]


def test_tasks_of_an_event_loop_take_it_in_threads(path: Path) -> None:
    """As the server does: the loop goes on while a lock is waited for, and tasks exclude each other."""
    order: list[str] = []

    def work(name: str, held: Event, end: Event) -> None:
        with locked(path, name):
            order.append(f"{name} in")
            held.set()
            end.wait(20)
            order.append(f"{name} out")

    async def main() -> None:
        held, end, other = Event(), Event(), Event()
        end_other = Event()
        end_other.set()
        first = asyncio.create_task(asyncio.to_thread(work, "first", held, end))
        await asyncio.to_thread(held.wait)
        second = asyncio.create_task(asyncio.to_thread(work, "second", other, end_other))
        for _ in range(50):
            await asyncio.sleep(0.001)  # the loop is not frozen
        end.set()
        await asyncio.gather(first, second)

    asyncio.run(main())
    assert order == ["first in", "first out", "second in", "second out"]


def test_the_same_thread_is_refused_a_second_time_and_does_not_hang(path: Path) -> None:
    """Two tasks of one event loop that hold it over an `await` would wait for each other for ever."""
    with locked(path, "outer"), pytest.raises(RuntimeError, match="wait for itself"), locked(path, "inner"):
        pass
    assert is_free(path)


def test_a_forked_child_does_not_hold_its_parents_lock(path: Path) -> None:
    with locked(path, "parent"):
        assert in_fork(lambda: not is_free(path)) == 0
        assert not in_other_thread(lambda: is_free(path)), "the child's end did not release it"
    assert is_free(path)


def test_a_forked_child_keeps_nobody_waiting(path: Path) -> None:
    """The lock ends with who took it, though a child forked meanwhile lives on."""
    ready, end = os.pipe()
    with locked(path, "parent"):
        pid = os.fork()
        if pid == 0:
            os.close(end)
            os.read(ready, 1)
            os._exit(0)
    assert is_free(path)
    os.close(end)
    os.waitpid(pid, 0)


def test_a_forked_child_that_leaves_the_block_does_not_release_it(path: Path) -> None:
    child = False
    try:
        with locked(path, "parent"):
            pid = os.fork()
            child = pid == 0
            if not child:
                assert os.waitpid(pid, 0)[1] == 0
                assert not in_other_thread(lambda: is_free(path))
    finally:
        if child:
            os._exit(0)


def test_a_fork_while_another_thread_holds_it(path: Path) -> None:
    """The child has no such thread: it must neither hold the lock nor hang, and get it when it is free."""
    held, end = Event(), Event()

    def hold() -> None:
        with locked(path, "thread"):
            held.set()
            end.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert in_fork(lambda: not is_free(path)) == 0
    end.set()
    thread.join()
    assert in_fork(lambda: is_free(path)) == 0


def test_a_forked_child_can_not_commit_its_parents_transaction(store: Store) -> None:
    def commit() -> bool:
        with pytest.raises(RefactoryError, match="forked"):
            changes.commit()
        return True

    with store.transaction("t") as changes:
        changes.new(Request, title="x")
        assert in_fork(commit) == 0
        assert store.all(Request) == []
    assert len(store.all(Request)) == 1


def test_a_full_disk_is_no_reason_not_to_lock(path: Path) -> None:
    """Who holds it can't be noted then; what needs no space goes on, the rest fails with a better reason."""
    path.with_name("lock.holder").symlink_to("/dev/full")
    with locked(path, "t"):
        assert not in_other_thread(lambda: is_free(path))


def test_a_lock_that_can_not_be_made_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RefactoryError, match="file"), locked(tmp_path / "file" / "lock", "t"):
        pass


def in_other_thread(work: Callable[[], bool]) -> bool:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
