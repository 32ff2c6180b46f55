"""The tasks of a plan before they are recorded: what must hold for them, and in which order they may run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

import msgspec
from msgspec.structs import replace

from agents.plan.scopes import overlaps
from state.errors import UsageError
from state.plural import plural

SHOWN = 20
MOST = 1000


class TaskDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A task before it is recorded. `depends_on` and `after` hold ids of the same list."""

    id: str
    title: str
    detail: str = ""
    scope: list[str] = []
    depends_on: list[str] = []
    after: list[str] = []
    acceptance: list[str] = []


class TaskList(msgspec.Struct, frozen=True, kw_only=True):
    """`ticked`: the titles of those that are done, and left out."""

    design: str = ""
    tasks: list[TaskDraft] = []
    ticked: list[str] = []


def check(tasks: Sequence[TaskDraft]) -> list[str]:
    """Warnings about what may go wrong; UsageError for what can't be planned."""
    check_number(tasks)
    _check_each(tasks)
    found = [
        f"`{tasks[i].title}` and `{tasks[j].title}` may run at once and change the same files: {', '.join(common)}"
        for i, j, common in _clashes(tasks, _predecessors(tasks))
    ]
    more = (
        [f"overlapping, too: {plural(len(found) - SHOWN, 'more pair')} of tasks"]
        if len(found) > SHOWN
        else []
    )
    return [*_without_scope(tasks), *found[:SHOWN], *more]


def serialise_overlaps(tasks: Sequence[TaskDraft]) -> list[TaskDraft]:
    """Tasks that may change the same files come one `after` another, in the list's order where nothing else holds.

    Raises UsageError for what can't be planned. A task without a scope is left as it is: it would have to run alone.
    """
    check_number(tasks)
    _check_each(tasks)
    before = _predecessors(tasks)
    added: dict[int, list[str]] = {}
    for i, j, _ in _clashes(tasks, before):
        added.setdefault(j, []).append(tasks[i].id)
        for n in range(len(tasks)):
            if n == j or before[n] >> j & 1:
                before[n] |= before[i] | 1 << i
    return [replace(task, after=[*task.after, *added.get(n, [])]) for n, task in enumerate(tasks)]


def in_a_row(tasks: Sequence[TaskDraft], ordered: Sequence[TaskDraft]) -> list[str]:
    """A warning where the order that was added lets half of the tasks or more run only one by one."""
    row = _longest_row(ordered)
    if len(row) <= len(_longest_row(tasks)) or 2 * len(row) < len(tasks):
        return []
    names = listed(f"`{title}`" for title in row)
    return [
        f"{len(row)} of {plural(len(tasks), 'task')} run one by one, as their scopes overlap: {names}; narrower "
        "scopes, or `planner.overlaps: warn`, let them run at once"
    ]


def _longest_row(tasks: Sequence[TaskDraft]) -> list[str]:
    """The titles of the longest chain of tasks that wait for each other."""
    named = {task.id: task for task in tasks}
    rows: dict[str, list[str]] = {}
    for own in TopologicalSorter({task.id: _before(task) for task in tasks}).static_order():
        longest = max((rows[name] for name in _before(named[own])), key=len, default=[])
        rows[own] = [*longest, named[own].title]
    return max(rows.values(), key=len, default=[])


def check_number(tasks: Sequence[object]) -> None:
    """Every pair of tasks is compared, so there must not be any number of them."""
    if len(tasks) > MOST:
        raise UsageError(
            f"{len(tasks)} tasks are too many for one plan", f"make several, of at most {MOST} each"
        )


def listed(names: Iterable[str]) -> str:
    """For a message: the first few."""
    names = list(names)
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _check_each(tasks: Sequence[TaskDraft]) -> None:
    ids = Counter(task.id for task in tasks)
    if twice := [own for own, times in ids.items() if times > 1]:
        raise UsageError(f"several tasks have the same id: {listed(twice)}")
    for task in tasks:
        if not task.title.strip():
            raise UsageError(f"task {task.id} has no title")
        if any("\0" in text for text in (task.title, task.detail, *task.scope, *task.acceptance)):
            raise UsageError(f"task {task.id} holds a NUL character", "no file name or command can take it")
        for names, verb in ((task.depends_on, "depends on"), (task.after, "comes after")):
            if task.id in names:
                raise UsageError(f"task {task.id} {verb} itself")
            if unknown := set(names) - ids.keys():
                raise UsageError(
                    f"task {task.id} {verb} unknown tasks: {listed(sorted(unknown))}", f"ids: {listed(ids)}"
                )


def _before(task: TaskDraft) -> list[str]:
    return [*task.depends_on, *task.after]


def _without_scope(tasks: Sequence[TaskDraft]) -> list[str]:
    names = [f"`{task.title}`" for task in tasks if not task.scope]
    if not names or len(tasks) == 1:
        return []
    return [f"without a scope, a task may change any file: {listed(names)}"]


def _predecessors(tasks: Sequence[TaskDraft]) -> list[int]:
    """For each task the set, as bits, of those that run before it."""
    place = {task.id: n for n, task in enumerate(tasks)}
    before = [0] * len(tasks)
    try:
        order = list(TopologicalSorter({task.id: _before(task) for task in tasks}).static_order())
    except CycleError as error:
        raise UsageError(f"tasks wait for each other: {' -> '.join(reversed(error.args[1]))}") from error
    for n in (place[own] for own in order):
        for other in (place[name] for name in _before(tasks[n])):
            before[n] |= before[other] | 1 << other
    return before


def _clashes(tasks: Sequence[TaskDraft], before: list[int]) -> Iterator[tuple[int, int, list[str]]]:
    """Pairs in no order whose scopes overlap, the nearest first; `before` may grow meanwhile."""
    for j in range(len(tasks)):
        for i in reversed(range(j)):
            ordered = before[j] >> i & 1 or before[i] >> j & 1
            if not ordered and (common := overlaps(tasks[i].scope, tasks[j].scope)):
                yield i, j, common
