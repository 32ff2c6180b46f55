"""One of many processes at work on the same records: `python -m tests.state.busy_process ROLE NAME FOLDER LOG`.

All that it sees is checked at once where one process can tell, and logged where only all together can.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from state.keys import number_of
from state.lifecycle import move
from state.records import Plan, Request, Task
from state.store import Store
from state.transaction import Transaction
from tests.state.linearizable import Begun, Counted, Done, Log, Seen, now

PROGRAM = Path(__file__).parents[2] / "refactory.py"
TASKS, PLANS, HOT = 240, 4, 5  # more tasks than are listed without an index; few are fought for


class TakenBackError(Exception):
    pass


class Busy:
    def __init__(self, name: str, folder: Path, log: Path) -> None:
        self.name, self.store, self.log = name, Store.open(folder), Log(log)
        self.random = random.Random(name)
        self.tags = 0
        self.largest = 0

    def task(self) -> str:
        """A number or a key."""
        number = self.random.randint(1, HOT)
        return self.random.choice([str(number), self.store.resolve(Task, str(number))])

    def write(self, work: Callable[[Transaction, str], Iterable[str]], creates: int = 0) -> None:
        """A transaction that writes a tag of its own into all that it changes: `work` returns their keys."""
        self.tags += 1
        tag = f"{self.name}.{self.tags}"
        self.log.write(Begun(tag, creates, now()))
        wrote, created = {}, []
        with self.store.transaction(tag) as changes:
            for key in work(changes, tag):
                if key.startswith("requests/"):
                    created.append(number_of(key.partition("/")[2]))
                else:
                    wrote[key] = version_of(changes, key)
        self.log.write(Done(tag, wrote, created, now()))

    def touch(self) -> None:
        def work(changes: Transaction, tag: str) -> Iterable[str]:
            yield put(changes, changes.get(Task, self.task()), tag)

        self.write(work)

    def step(self) -> None:
        def work(changes: Transaction, tag: str) -> Iterable[str]:
            for number in self.random.sample(range(1, HOT + 1), 3):
                task = changes.get(Task, number)
                to = "in_progress" if task.state == "assigned" else "assigned"
                yield put(changes, move(task, to), tag)

        self.write(work)

    def rehome(self) -> None:
        """A task goes to another plan: three records that must agree."""

        def work(changes: Transaction, tag: str) -> Iterable[str]:
            task = changes.get(Task, self.task())
            old = changes.get(Plan, task.plan)
            new = self.random.choice(changes.all(Plan, lambda plan: plan.key != old.key))
            check_sides(changes.all(Plan), changes.all(Task))
            yield put(changes, replace(task, plan=new.key), tag)
            yield put(changes, replace(old, tasks=[key for key in old.tasks if key != task.key]), tag)
            yield put(changes, replace(new, tasks=[*new.tasks, task.key]), tag)

        self.write(work)

    def create(self) -> None:
        def work(changes: Transaction, tag: str) -> Iterable[str]:
            for title in ("one", "two"):
                yield f"requests/{changes.new(Request, title=title, description=tag).key}"

        self.write(work, creates=2)

    def take_back(self) -> None:
        """Half a transaction, then an error: nothing of it is ever seen."""
        try:
            with self.store.transaction("taken back") as changes:
                put(changes, changes.get(Task, self.task()), "never")
                changes.new(Request, title="never")
                raise TakenBackError
        except TakenBackError:
            pass

    def get(self) -> None:
        start = now()
        task = self.store.get(Task, self.task())
        self.log.write(Seen({f"tasks/{task.key}": seen(task)}, start, now()))

    def list_all(self) -> None:
        start = now()
        tasks = self.store.all(Task)
        assert [number_of(task.key) for task in tasks] == list(range(1, TASKS + 1))
        self.saw([*tasks, *self.store.all(Plan)], start)

    def select(self) -> None:
        start = now()
        state = self.random.choice(["assigned", "in_progress"])
        tasks, total = self.store.select(Task, state=state)
        assert len(tasks) == total and all(task.state == state for task in tasks)
        self.saw(tasks, start)

    def count(self) -> None:
        assert sum(self.store.count(Task, "state").values()) == TASKS

    def requests(self) -> None:
        start = now()
        self.saw_requests([request.key for request in self.store.all(Request)], start)

    def saw(self, records: Iterable[Task | Plan], start: int) -> None:
        end = now()
        hot = (record for record in records if number_of(record.key) <= HOT)
        self.log.write(Seen({f"{record.folder}/{record.key}": seen(record) for record in hot}, start, end))

    def saw_requests(self, keys: list[str], start: int) -> None:
        assert len({number_of(key) for key in keys}) == len(keys) >= self.largest
        self.largest = len(keys)
        self.log.write(Counted(len(keys), start, now()))

    def program(self, *args: str) -> Any:
        command = [sys.executable, str(PROGRAM), "-C", str(self.store.location.root), *args, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        answer = json.loads(done.stdout)
        assert done.returncode == 0, answer
        return answer["data"]

    def program_creates(self) -> None:
        self.tags += 1
        tag = f"{self.name}.{self.tags}"
        self.log.write(Begun(tag, 1, now()))
        made = self.program("request:create", "--title", "one", "--description", tag)
        self.log.write(Done(tag, {}, [number_of(made["key"])], now()))
        assert self.program("request:cancel", made["key"])["state"] == "cancelled"

    def program_lists_tasks(self) -> None:
        start = now()
        items = self.program("tasks:list", "--limit", "1000")["items"]
        assert len(items) == TASKS
        end = now()
        found = {f"tasks/{item['key']}": version(item["feedback"]) for item in items[:HOT]}
        self.log.write(Seen(found, start, end))

    def program_lists_requests(self) -> None:
        start = now()
        page = self.program("request:list", "--limit", "10000")
        self.saw_requests([item["key"] for item in page["items"]], start)


ROLES: Mapping[str, list[Callable[[Busy], None]]] = {
    "writer": [Busy.touch, Busy.touch, Busy.step, Busy.rehome, Busy.create, Busy.take_back, Busy.get],
    "reader": [Busy.get, Busy.list_all, Busy.select, Busy.count, Busy.requests],
    "program": [Busy.program_creates, Busy.program_lists_tasks, Busy.program_lists_requests],
}


def text_of(record: Task | Plan) -> str:
    return record.feedback if isinstance(record, Task) else record.design


def version(text: str) -> tuple[int, str]:
    number, _, tag = text.partition(" ")
    return int(number), tag


def seen(record: Task | Plan) -> tuple[int, str]:
    return version(text_of(record))


def put(changes: Transaction, record: Task | Plan, tag: str) -> str:
    """Its next version."""
    text = f"{seen(record)[0] + 1} {tag}"
    changed = replace(record, **{"feedback" if isinstance(record, Task) else "design": text})
    changes.put(changed, note=tag)
    return f"{record.folder}/{record.key}"


def version_of(changes: Transaction, name: str) -> int:
    folder, _, key = name.partition("/")
    record = changes.get(Task, key) if folder == "tasks" else changes.get(Plan, key)
    return seen(record)[0]


def check_sides(plans: Iterable[Plan], tasks: Iterable[Task]) -> None:
    """What one transaction wrote into several records agrees, for who holds the lock or is alone."""
    for plan in plans:
        assert sorted(plan.tasks) == sorted(task.key for task in tasks if task.plan == plan.key), plan.key


def main(role: str, name: str, folder: str, log: str) -> None:
    busy = Busy(name, Path(folder), Path(log))
    print("ready", flush=True)
    end = float(input())
    while now() < end:
        busy.random.choice(ROLES[role])(busy)


if __name__ == "__main__":
    main(*sys.argv[1:])
