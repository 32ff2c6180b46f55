"""Many processes at once on the same records: nothing is lost, nothing is torn, one order explains all of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from state.audit import Line
from state.records import Plan, Request, Task
from state.store import Store
from tests.conftest import PROGRAM
from tests.state.busy_process import HOT, PLANS, TASKS, check_sides, seen
from tests.state.faults import count_lines
from tests.state.linearizable import Begun, Counted, Done, Event, Seen, check, now, read

Final = dict[str, tuple[int, str]]


def fill(store: Store) -> None:
    with store.transaction("begin") as changes:
        plans = [changes.new(Plan, request="1-aaaaaaaa", design="0 ") for _ in range(PLANS)]
        for number in range(TASKS):
            plan = plans[number % PLANS]
            task = changes.new(Task, plan=plan.key, title="t", state="assigned", feedback="0 ")
            plans[number % PLANS] = changes.put(msgspec.structs.replace(plan, tasks=[*plan.tasks, task.key]))


class Crowd:
    """Processes of these roles; what they did is in their logs."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.logs: list[Path] = []
        self.running: list[subprocess.Popen[str]] = []

    def start(self, role: str) -> None:
        """Starting takes seconds on a busy machine: it waits to be told until when to work."""
        name = f"{role}{len(self.logs)}"
        self.logs.append(self.folder.parent / f"{name}.log")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.state.busy_process", role, name, self.folder, self.logs[-1]],
            cwd=PROGRAM.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stack.callback(process.kill)
        self.running.append(process)

    def work(self, seconds: float, kills: int) -> None:
        """From time to time one that has worked is killed, as long as there are others."""
        for process in self.running:
            assert process.stdout and process.stdout.readline() == "ready\n"
        for process in self.running:
            assert process.stdin
            process.stdin.write(f"{now() + seconds * 1e9}\n")
            process.stdin.flush()
        for _ in range(kills):
            time.sleep(seconds / (kills + 1))
            victim = self.running.pop(0)
            victim.kill()
            assert "Traceback" not in victim.communicate()[1]
        for process in self.running:
            said = process.communicate()[1]
            assert process.returncode == 0 and "Traceback" not in said, said


def at_work(folder: Path, roles: dict[str, int], seconds: float, kills: int) -> list[Path]:
    with ExitStack() as stack:
        crowd = Crowd(folder, stack)
        for role, count in roles.items():
            for _ in range(count):
                crowd.start(role)
        crowd.work(seconds, kills)
        return crowd.logs


def check_all(store: Store, logs: list[Path]) -> list[Event]:
    """Each acknowledged change is there and in the audit log, once; each record has one order of changes."""
    events = [event for log in logs for event in read(log)]
    tasks, plans = store.all(Task), store.all(Plan)
    check_sides(plans, tasks)
    hot = (*tasks[:HOT], *plans)
    check(events, {f"{record.folder}/{record.key}": seen(record) for record in hot})
    check_requests(store, events)
    check_audit(store, events)
    return events


def check_requests(store: Store, events: list[Event]) -> None:
    requests = store.all(Request)
    by_tag = Counter(request.description for request in requests)
    for event in events:
        if isinstance(event, Done) and event.created:
            assert by_tag[event.tag] == len(event.created)
            assert all(store.get(Request, number).description == event.tag for number in event.created)
    planned = {event.tag: event.creates for event in events if isinstance(event, Begun)}
    assert all(planned[tag] == count for tag, count in by_tag.items()), "half a transaction is there"
    assert "never" not in {request.title for request in requests}


def check_audit(store: Store, events: list[Event]) -> None:
    assert count_lines(store)
    lines = [
        msgspec.json.decode(line, type=Line)
        for path in (store.location.records / "audit").iterdir()
        for line in path.read_bytes().splitlines()
    ]
    noted = Counter((line.note, line.record) for line in lines if line.note)
    assert set(noted.values()) <= {1}
    for event in events:
        if isinstance(event, Done):
            assert all((event.tag, record) in noted for record in event.wrote)


def test_four_processes(store: Store) -> None:
    fill(store)
    logs = at_work(store.location.root, {"writer": 2, "reader": 1, "program": 1}, 2, kills=1)
    events = check_all(store, logs)
    assert {type(event) for event in events} == {Begun, Done, Seen, Counted}


@pytest.mark.slow
def test_sixteen_processes_for_a_minute(store: Store) -> None:
    fill(store)
    logs = at_work(store.location.root, {"writer": 8, "reader": 5, "program": 3}, 60, kills=4)
    check_all(store, logs)


A_WROTE = [Begun("a", 0, 10), Done("a", {"r": 1}, [], 20)]
B_WROTE = [Begun("b", 0, 30), Done("b", {"r": 2}, [], 40)]


@pytest.mark.parametrize(
    ("more", "final"),
    [
        ([], (2, "b")),
        ([Seen({"r": (0, "")}, 5, 15), Seen({"r": (1, "a")}, 5, 15)], (2, "b")),
        ([Seen({"r": (1, "a")}, 15, 35), Seen({"r": (2, "b")}, 32, 33)], (2, "b")),
        ([Begun("killed", 0, 50), Seen({"r": (3, "killed")}, 60, 70)], (3, "killed")),
        ([Begun("killed", 0, 50)], (2, "b")),
    ],
)
def test_what_one_order_explains(more: list[Event], final: tuple[int, str]) -> None:
    check([*A_WROTE, *B_WROTE, *more], {"r": final})


@pytest.mark.parametrize(
    ("more", "final"),
    [
        ([Seen({"r": (1, "a")}, 41, 50)], (2, "b")),  # stale
        ([Seen({"r": (1, "a")}, 5, 9)], (2, "b")),  # from the future
        ([Seen({"r": (1, "a")}, 12, 14), Seen({"r": (0, "")}, 15, 19)], (2, "b")),  # back in time
        ([Seen({"r": (2, "a")}, 35, 50)], (2, "b")),  # torn
        ([Begun("c", 0, 30), Done("c", {"r": 2}, [], 40)], (2, "b")),  # a lost update
        ([Begun("c", 0, 1), Done("c", {"r": 3}, [], 2)], (3, "c")),  # writes in another order
        ([], (1, "a")),  # an acknowledged write is gone
        ([Begun("c", 0, 50), Done("c", {"r": 4}, [], 60)], (4, "c")),  # nobody wrote 3
        ([Begun("c", 1, 50), Done("c", {}, [7], 60), Counted(0, 61, 62)], (2, "b")),
        ([Begun("c", 1, 50), Done("c", {}, [7], 60), Counted(1, 41, 49)], (2, "b")),
        ([Begun("c", 2, 50), Done("c", {}, [7, 7], 60)], (2, "b")),
    ],
)
def test_what_no_order_explains(more: list[Event], final: tuple[int, str]) -> None:
    with pytest.raises(AssertionError):
        check([*A_WROTE, *B_WROTE, *more], {"r": final})
