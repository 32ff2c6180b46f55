"""Clones of one repository that make legal changes to their records, in this process and with real git."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from msgspec.structs import replace

from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.state_in_git.merge_setup import install
from agents.tasks.completion import cancel, report, report_tests, retry
from agents.tasks.dispatch import claim
from agents.tasks.work import Report
from state.errors import RefactoryError
from state.keys import number_of
from state.location import locate
from state.records import KINDS, Plan, Record, Request, Task, Tests
from state.references import references
from state.store import Store
from tests.conftest import Repo, make_repo

TASKS = "## One\n\n## Two\ndepends on: One\n\n## Three\n"


class Clone(Repo):
    """A repository with records."""

    @property
    def store(self) -> Store:
        return Store.open(self.path)

    def save(self, message: str = "records") -> str:
        self.git("add", "-A", ".refactory")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, name: str, *options: str) -> Clone:
        path = self.path.parent / name
        self.git("clone", "-q", *options, f"file://{self.path}", str(path))
        made = Clone(path)
        made.git("config", "user.name", name)
        made.git("config", "user.email", f"{name}@example.com")
        return made

    def merges(self, other: str) -> bool:
        done = subprocess.run(
            ["git", "merge", "-q", "--no-edit", other], cwd=self.path, capture_output=True, check=False
        )
        return done.returncode == 0

    def request(self, title: str) -> Request:
        with self.store.transaction("request:create") as changes:
            return changes.new(Request, title=title)

    def planned(self, title: str) -> Plan:
        """A request with an orchestrated plan."""
        request = self.request(title)
        made = plan(self.store, request.key, TASKS, "template")
        orchestrate(self.store, made.key, 1, "main", None, None)
        return self.store.get(Plan, made.key)

    def edit(self, record: Record, **fields: object) -> None:
        with self.store.transaction("edit") as changes:
            changes.put(replace(changes.get(type(record), record.key), **fields))

    def files(self) -> dict[str, bytes]:
        """All but the logs, of which each clone has its own."""
        root = self.path / ".refactory"
        found = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
        return {str(name): path.read_bytes() for name, path in found.items() if name.parts[0] != "audit"}

    def dangling(self) -> list[tuple[str, str]]:
        store = self.store
        known = {kind: set(store.keys(kind)) for kind in KINDS}
        return [
            (record.key, key)
            for of in KINDS
            for record in store.all(of)
            for kind, key in references(record)
            if key not in known[kind]
        ]

    def shared_numbers(self) -> list[str]:
        store = self.store
        found = [(kind.folder, number_of(key)) for kind in KINDS for key in store.keys(kind)]
        return [
            f"{folder}/{number}" for folder, number in sorted(set(found)) if found.count((folder, number)) > 1
        ]


def origin(path: Path, driver: bool = False) -> Clone:
    """A repository that has committed its configuration."""
    clone = Clone(make_repo(path).path)
    (path / ".refactory").mkdir()
    clone.write({".refactory/config.yaml": "durability: fast\n", "README": "x\n"})
    if driver:
        install(locate(path))
    clone.git("add", "README")
    clone.save("start")
    return clone


class Work:
    """Random legal changes to the records that one clone has for itself."""

    def __init__(self, clone: Clone, random: Random, plans: Sequence[str]) -> None:
        self.clone = clone
        self.store = clone.store
        self.random = random
        self.plans = list(plans)
        self.head = clone.git("rev-parse", "HEAD")

    def step(self) -> None:
        actions: list[Callable[[], object]] = [
            self.begin, self.plan_again, self.share_out, self.attempt, self.attempt, self.judge, self.judge,
            self.cancel, self.retry, self.edit,
        ]  # fmt: skip
        with suppress(RefactoryError):  # not a legal step now
            self.random.choice(actions)()

    def begin(self) -> None:
        request = self.clone.request(f"of {self.clone.path.name}")
        self.plans.append(plan(self.store, request.key, TASKS, "template").key)

    def plan_again(self) -> None:
        request = self.any_plan().request
        self.plans.append(plan(self.store, request, TASKS, "template", True).key)

    def share_out(self) -> None:
        orchestrate(self.store, self.any_plan().key, 2, "main", None, None)

    def attempt(self) -> None:
        given = claim(
            self.store, self.random.choice(["coder-1", "coder-2"]), "coder", None, self.any_plan().key
        )
        if given:
            failure = self.random.choice(["", "", "it broke\nin two lines\n"])
            result = Report(commit=None if failure else self.head, base=self.head, failure=failure)
            report(self.store, given.task.agent or "", given.task.key, given.token, result)

    def judge(self) -> None:
        given = claim(self.store, "tester-1", "tester", None, self.any_plan().key)
        if given:
            verdict = self.random.choice(["passed", "passed", "failed"])
            seen = Tests(verdict=verdict, tester="tester-1", commands=["true"])  # type: ignore[arg-type]
            report_tests(self.store, given.task.key, given.token, self.head, seen)

    def cancel(self) -> None:
        cancel(self.store, self.any_task().key, "no more")

    def retry(self) -> None:
        retry(self.store, self.any_task().key)

    def edit(self) -> None:
        self.clone.edit(self.any_task(), detail=f"by {self.clone.path.name}\nline {self.random.random()}\n")

    def any_plan(self) -> Plan:
        return self.store.get(Plan, self.random.choice(self.plans))

    def any_task(self) -> Task:
        return self.store.get(Task, self.random.choice(self.any_plan().tasks))
