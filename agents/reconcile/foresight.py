"""While coders are still at work, the branches that are there are merged with each other, in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import combinations

from agents.git.path_text import shown
from agents.reconcile.foreseen import Foreseen, write
from agents.reconcile.merging import Merger
from agents.reconcile.resolvers.chain import chain
from agents.worktrees.workspace import local
from state.errors import RefactoryError
from state.lifecycle import COMMITTED
from state.records import Orchestration, Plan, Task
from state.store import Store

_SECONDS = 3.0  # between two looks


class Foresight:
    """Of one plan. What it has merged it does not merge again."""

    def __init__(self, store: Store, plan: str) -> None:
        self._store = store
        self._plan = store.get(Plan, plan)
        self._workspace = local(store)
        resolvers = chain(store.config.reconcile, store.location.private, self._plan.key)
        self._merger = Merger(self._workspace.repository, resolvers, strict=lambda: True)
        self._paths: dict[str, frozenset[str]] = {}

    def look(self) -> list[Foreseen]:
        found = [pair for one, other in combinations(self._live(), 2) if (pair := self._pair(one, other))]
        write(self._store.location.private, self._plan.key, found)
        return found

    def _live(self) -> list[Task]:
        """Those whose commit is here, and has not landed."""
        tasks = [task for key in self._plan.tasks if (task := self._store.find(Task, key))]
        done = [task for task in tasks if task.state in COMMITTED and task.commit]
        missing = self._workspace.repository.missing(task.commit or "" for task in done)
        return [task for task in done if task.commit not in missing]

    def _pair(self, one: Task, other: Task) -> Foreseen | None:
        """Nothing clashes that does not touch the same paths; a rename touches both of its."""
        ours, theirs = one.commit or "", other.commit or ""
        if self._changed(ours).isdisjoint(self._changed(theirs)):
            return None
        files = [shown(path) for path in self._merger.merge(ours, theirs).conflicts]
        return Foreseen([one.key, other.key], [ours, theirs], files) if files else None

    def _changed(self, commit: str) -> frozenset[str]:
        if commit not in self._paths:
            paths = self._workspace.repository.changed_paths(self._base, commit)
            self._paths[commit] = frozenset(paths)
        return self._paths[commit]

    @cached_property
    def _base(self) -> str:
        found = self._store.all(Orchestration, lambda one: one.plan == self._plan.key)
        return found[-1].base


@contextmanager
def watching(store: Store, plan: str) -> Iterator[None]:
    """Look every few seconds as long as the block lasts."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(store, plan, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(store: Store, plan: str, over: threading.Event) -> None:
    foresight = None
    while not over.wait(_SECONDS):
        with suppress(RefactoryError, OSError):  # a record that moves under us; the next look is soon
            foresight = foresight or Foresight(store, plan)
            foresight.look()
