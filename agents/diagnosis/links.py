"""Records that refer to each other: what is not there, what only one side knows, what goes in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from msgspec.structs import replace

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable, found
from state.keys import by_number
from state.records import KINDS, Plan, Pull, Task
from state.references import references as references_of
from state.renumber import outdated


def references(evidence: Evidence) -> Iterator[Found]:
    known = {kind: set(evidence.store.keys(kind)) for kind in KINDS}
    dangling = [
        (record, kind, key)
        for record in chain.from_iterable(evidence.records(kind).values() for kind in KINDS)
        for kind, key in references_of(record)
        if key not in known[kind]
    ]
    renamed = set()
    if dangling and not evidence.unreadable:
        renamed = {(old.record, old.key) for old in outdated(evidence.store)}
    for record, kind, key in dangling:
        name = f"{record.folder}/{record.key}"
        if (name, key) not in renamed:
            hint = "`git log --all -- .refactory` shows where it went; bring it back, or mend the reference"
            yield found("reference", f"{name} refers to {kind.folder}/{key}, which is not there", hint)


def sides(evidence: Evidence) -> Iterator[Found]:
    """A plan lists its tasks and each names its plan; a task lists its pulls and each names its task."""
    plans, tasks = evidence.records(Plan), evidence.records(Task)
    for plan in plans.values():
        for key in plan.tasks:
            if key in tasks and tasks[key].plan != plan.key:
                message = f"plans/{plan.key} lists tasks/{key}, which is of plan {tasks[key].plan}"
                yield found("plan", message, "take it out of the plan's list")
    for task in tasks.values():
        if task.plan in plans and task.key not in plans[task.plan].tasks:
            message = f"tasks/{task.key} is of plan {task.plan}, which does not list it"
            yield found("plan", message, "add it to the plan's list, or `refactory task:cancel` it")
    yield from _pulls(evidence, tasks)


def _pulls(evidence: Evidence, tasks: dict[str, Task]) -> Iterator[Found]:
    pulls = evidence.records(Pull)
    for task in tasks.values():
        for key in task.pulls:
            if key in pulls and pulls[key].task != task.key:
                message = f"tasks/{task.key} lists pulls/{key}, which is of task {pulls[key].task}"
                yield found("pull", message, "take it out of the task's list")
    for pull in pulls.values():
        if pull.task in tasks and pull.key not in tasks[pull.task].pulls:
            message = f"tasks/{pull.task} does not list its pulls/{pull.key}"
            mend = partial(_list_pull, evidence, pull)
            yield fixable("pull", message, "add it", mend)


def _list_pull(evidence: Evidence, pull: Pull, backup: Backup) -> None:
    backup.file(evidence.store.path(Task, pull.task))
    with evidence.store.transaction("doctor") as changes:
        task = changes.get(Task, pull.task)
        keys = sorted({*task.pulls, pull.key}, key=by_number)
        changes.put(replace(task, pulls=keys), "a pull of it was not listed")


def cycles(evidence: Evidence) -> Iterator[Found]:
    """Tasks that wait for each other never start."""
    graph = {task.key: [*task.depends_on, *task.after] for task in evidence.records(Task).values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        yield found(
            "cycle",
            f"tasks wait for each other in a circle: {circle}",
            "take one of `dependsOn` or `after` out",
        )
