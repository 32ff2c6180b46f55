"""Transactions in forked children that are killed or hindered, and what must be true afterwards."""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from state.audit import Line, sealed
from state.errors import RefactoryError
from state.journal_mark import is_open
from state.records import Request
from state.store import Store

RECORDS = 4
Say = Callable[[str], object]


def new_store(folder: Path) -> Store:
    """Four requests titled 0."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".refactory").mkdir()
    store = Store.open(folder)
    with store.transaction("begin") as changes:
        for _ in range(RECORDS):
            changes.new(Request, title="0")
    return store


def step(store: Store) -> int:
    """A transaction of five records: four go one up, one is new."""
    with store.transaction("step") as changes:
        requests = changes.all(Request)[:RECORDS]
        value = int(requests[0].title) + 1
        for request in requests:
            changes.put(msgspec.structs.replace(request, title=str(value)))
        changes.new(Request, title=str(value))
    return value


def check(folder: Path) -> int:
    """What the next command finds is whole, with an unbroken log and nothing left over: how many steps there were."""
    store = Store.open(folder)
    requests = store.all(Request)
    old, new = requests[:RECORDS], requests[RECORDS:]
    assert len({request.title for request in old}) == 1, [request.title for request in old]
    steps = int(old[0].title)
    assert [int(request.title) for request in new] == list(range(1, steps + 1))
    assert [request.key.partition("-")[0] for request in requests] == [
        str(n + 1) for n in range(len(requests))
    ]
    assert not is_open(store.journal)
    assert count_lines(store) == RECORDS + steps * (RECORDS + 1)
    return steps


def count_lines(store: Store) -> int:
    """The lines of all audit logs, each chained to the one before it."""
    count = 0
    for path in (store.location.records / "audit").glob("*"):
        data = path.read_bytes().rstrip(b"\n") + b"\n"  # what a killed step reserved is room for the next
        lines = [msgspec.json.decode(line, type=Line) for line in data.splitlines()]
        assert b"".join(sealed(line)[0] for line in lines) == data
        assert [line.previous for line in lines] == ["", *(line.hash for line in lines[:-1])]
        count += len(lines)
    return count


@contextmanager
def child(work: Callable[[Say], object]) -> Iterator[tuple[int, int]]:
    """A forked process: its pid, and where to read what it says. It is killed at the end, if it still runs."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            work(lambda text: os.writev(writing, [f"{text}\n".encode()]))  # no call that a fault is put in
        except RefactoryError as error:
            os.write(writing, f"{error.message}: {error.hint}\n".encode())
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        yield pid, reading
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(reading)


def said(reading: int) -> str:
    """All that the child says until its end."""
    with os.fdopen(os.dup(reading), encoding="utf-8") as file:
        return file.read()
