"""All task branches as one: merged in memory, in dependency order, onto the target's head."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from msgspec.structs import replace

from agents.git.commit_writer import commit_writer
from agents.git.path_text import shown
from agents.git.repository import Repository
from agents.reconcile.contained import contained
from agents.reconcile.merging import Merged, Merger
from state.errors import Conflict
from state.keys import number_of
from state.records import Ejected, EjectReason, Plan, Resolved, Task

_NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})


@dataclass(frozen=True)
class Step:
    """One task's merge commit; the steps before it are its ancestors. `built_on`: whose commits its branch holds."""

    task: Task
    commit: str
    resolved: tuple[Resolved, ...] = ()
    built_on: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Combination:
    onto: str
    steps: tuple[Step, ...]
    ejected: tuple[Ejected, ...]

    @property
    def head(self) -> str:
        return self.steps[-1].commit if self.steps else self.onto

    def first(self, count: int) -> Combination:
        """The first merges alone."""
        return Combination(self.onto, self.steps[:count], ())


def in_order(tasks: Iterable[Task], after: Mapping[str, Collection[str]] = _NOTHING) -> list[Task]:
    """Dependencies first, then what `after` says, else by number. Raises Conflict if dependencies are a cycle."""
    waiting = {task.key: task for task in sorted(tasks, key=lambda task: number_of(task.key))}
    done: list[Task] = []
    while waiting:
        free = [task for task in waiting.values() if not any(key in waiting for key in task.depends_on)]
        ready = [task for task in free if not any(key in waiting for key in after.get(task.key, ()))] or free
        if not ready:
            raise Conflict(f"tasks depend on each other in a cycle: {', '.join(waiting)}")
        done.append(waiting.pop(ready[0].key))
    return done


def combine(
    merger: Merger, plan: Plan, onto: str, tasks: Sequence[Task], out: Collection[Ejected]
) -> Combination:
    """Merge what can be merged. What conflicts, and what builds on something left out, is ejected."""
    git = merger.git
    left_out = {ejected.task: ejected for ejected in out}
    holds = contained(git, onto, tasks)
    dates = _dates(git, tasks)
    steps: list[Step] = []
    head, tree = onto, git.tree(onto)
    with commit_writer(git) as writer:
        for task in in_order(tasks, holds):
            if task.key in left_out:
                continue
            out_too = _without_base(task, left_out, holds[task.key])
            merged = out_too or _merged(merger, onto, steps, tree, task)
            if isinstance(merged, Ejected):
                left_out[task.key] = merged
                continue
            commit, tree = task.commit or "", merged.tree
            head = writer.write(tree, (head, commit), _message(plan, task, merged), dates[commit])
            built_on = frozenset([*task.depends_on, *holds[task.key]])
            steps.append(Step(task, head, merged.resolved, built_on))
    return Combination(onto, tuple(steps), tuple(left_out.values()))


def _merged(merger: Merger, onto: str, steps: Sequence[Step], tree: str, task: Task) -> Merged | Ejected:
    """The task on top of these steps, whose tree is `tree`."""
    head = steps[-1].commit if steps else onto
    known = partial(_changed_by, merger.git, onto, tuple(steps))
    merged = merger.merge(head, task.commit or "", task, known)
    if merged.conflicts or _is_dropped(merged, tree):
        files = merged.conflicts or [one.file for one in merged.resolved]
        return _conflict(merger.git, onto, steps, task, files)
    if merged.tree == tree:
        return _ejected(task, "empty", "it changes nothing that is not there already")
    return merged


def _is_dropped(merged: Merged, tree: str) -> bool:
    """A resolver that gives up all of a task's change has not merged it; only git may find that it is there already."""
    return merged.tree == tree and any(one.lost for one in merged.resolved)


def _dates(git: Repository, tasks: Sequence[Task]) -> dict[str, str]:
    """When each task's commit was made: a merge has that date, so that the same branches give the same commit."""
    commits = [task.commit for task in tasks if task.commit]
    options = ("--no-walk=unsorted", "--no-commit-header", "--format=%H %ct")
    listed = git.run("rev-list", *options, *commits) if commits else ""
    return dict(line.split(" ", 1) for line in listed.splitlines())


def _without_base(task: Task, left_out: Mapping[str, Ejected], contained: Collection[str]) -> Ejected | None:
    """Out, if a task is left out that this one depends on, or whose commit its branch contains."""
    for key, ejected in left_out.items():
        if ejected.reason == "empty":
            continue  # its change is there
        if key in task.depends_on or key in contained:
            return _ejected(task, "dependency", f"it builds on task {number_of(key)}, which is left out")
    return None


def _changed_by(git: Repository, onto: str, steps: Sequence[Step], *files: str) -> list[Task]:
    """The tasks that changed one of the files on the way to here."""
    heads = [onto, *(step.commit for step in steps)]
    return [
        step.task
        for before, step in zip(heads, steps, strict=False)
        if not set(files).isdisjoint(git.changed_paths(before, step.commit))
    ]


def _conflict(git: Repository, onto: str, steps: Sequence[Step], task: Task, files: Sequence[str]) -> Ejected:
    """With the branches on both sides; the other one is the target where no task of ours changed the files."""
    others = _changed_by(git, onto, steps, *files)
    against = [other.branch for other in others if other.branch] or [onto]
    names = [shown(path) for path in files]
    whom = f" with {', '.join(f'task {number_of(other.key)}' for other in others)}" if others else ""
    return replace(
        _ejected(task, "conflict", f"it conflicts{whom} in {', '.join(names)}"), files=names, against=against
    )


def _message(plan: Plan, task: Task, merged: Merged) -> str:
    """Trailers say where it comes from, and who merged what git could not."""
    rework = "Refactory-Merged-By: rework\n" if task.base else ""
    resolved = "".join(f"Refactory-Merged-By: {', '.join(one.by)} ({one.file})\n" for one in merged.resolved)
    return (
        f"Merge task {number_of(task.key)}: {task.title}\n\n"
        f"Refactory-Task: {task.key}\nRefactory-Plan: {plan.key}\nRefactory-Agent: {task.agent}\n"
        f"{rework}{resolved or 'Refactory-Merged-By: git' + chr(10)}"
    )


def _ejected(task: Task, reason: EjectReason, detail: str) -> Ejected:
    return Ejected(task=task.key, reason=reason, detail=detail, ref=task.branch)
