"""All task branches as one: merged in memory, in dependency order, onto the target's head."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from agents.git import Repository, shown
from state.errors import Conflict
from state.keys import number_of
from state.records import Ejected, EjectReason, Plan, Task

_NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})


@dataclass(frozen=True)
class Step:
    """One task's merge commit; the steps before it are its ancestors."""

    task: Task
    commit: str


@dataclass(frozen=True)
class Combination:
    onto: str
    steps: tuple[Step, ...]
    ejected: tuple[Ejected, ...]

    @property
    def head(self) -> str:
        return self.steps[-1].commit if self.steps else self.onto


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
    git: Repository, plan: Plan, onto: str, tasks: Sequence[Task], out: Collection[Ejected]
) -> Combination:
    """Merge what can be merged. What conflicts, and what builds on something left out, is ejected."""
    left_out = {ejected.task: ejected for ejected in out}
    commits = {task.key: task.commit or "" for task in tasks}
    steps: list[Step] = []
    head = onto
    for task in in_order(tasks, _contained(git, onto, tasks)):
        if task.key in left_out:
            continue
        missing = _built_on(git, task, left_out, commits)
        if missing:
            left_out[task.key] = _ejected(task, "dependency", f"it builds on {missing}, which is left out")
            continue
        merged = _merge(git, plan, head, task)
        if isinstance(merged, Ejected):
            left_out[task.key] = merged
            continue
        steps.append(Step(task, merged))
        head = merged
    return Combination(onto, tuple(steps), tuple(left_out.values()))


def _contained(git: Repository, onto: str, tasks: Sequence[Task]) -> dict[str, set[str]]:
    """Whose commits a task's branch has in it: done again on top of what landed, it comes after all of that."""
    owners = {task.commit: task.key for task in tasks if task.commit}
    listed = git.run("rev-list", "--parents", *filter(None, owners), f"^{onto}") if owners else ""
    parents = {commit: rest for commit, *rest in map(str.split, listed.splitlines())}
    return {
        task.key: {owners[commit] for commit in _ancestors(task.commit or "", parents) if commit in owners}
        for task in tasks
    }


def _ancestors(commit: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    todo = list(parents.get(commit, ()))
    while todo:
        ancestor = todo.pop()
        if ancestor not in found:
            found.add(ancestor)
            todo += parents.get(ancestor, ())
    return found


def _built_on(git: Repository, task: Task, left_out: dict[str, Ejected], commits: dict[str, str]) -> str:
    """A left-out task that this one depends on, or whose commit its branch contains."""
    for key, ejected in left_out.items():
        if ejected.reason == "empty":
            continue  # its change is there
        commit = commits.get(key)
        if key in task.depends_on or (commit and task.commit and git.is_ancestor(commit, task.commit)):
            return f"task {number_of(key)}"
    return ""


def _merge(git: Repository, plan: Plan, head: str, task: Task) -> str | Ejected:
    merge = git.merge_tree(head, task.commit or "")
    if merge.conflicts:
        files = [shown(path) for path in merge.conflicts]
        return _ejected(task, "conflict", f"it conflicts in {', '.join(files)}", files)
    if merge.tree == git.tree(head):
        return _ejected(task, "empty", "it changes nothing that is not there already")
    message = (
        f"Merge task {number_of(task.key)}: {task.title}\n\n"
        f"Refactory-Task: {task.key}\nRefactory-Plan: {plan.key}\nRefactory-Agent: {task.agent}\n"
    )
    date = git.run("show", "--no-patch", "--format=%ct +0000", task.commit or "")
    return git.commit_tree(merge.tree, (head, task.commit or ""), message, date=f"@{date}")


def _ejected(task: Task, reason: EjectReason, detail: str, files: Sequence[str] = ()) -> Ejected:
    return Ejected(task=task.key, reason=reason, detail=detail, files=list(files), ref=task.branch)
