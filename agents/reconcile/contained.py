"""Whose commits a task's branch has in it: it was built on them, or done again on top of what landed then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.git.repository import Repository
from state.keys import number_of
from state.lifecycle import DONE
from state.records import Ejected, Task


def contained(git: Repository, onto: str, tasks: Sequence[Task]) -> dict[str, set[str]]:
    """The other tasks among these, for each task."""
    owners = {task.commit: task.key for task in tasks if task.commit}
    beneath = _beneath(git, onto, tasks)
    return {
        key: {owners[commit] for commit in commits if commit in owners} for key, commits in beneath.items()
    }


def outdated(
    git: Repository, onto: str, tasks: Sequence[Task], attempts: Mapping[str, Task]
) -> list[Ejected]:
    """Those whose branch holds an attempt of another task that is out: it would bring in what was put out.

    `attempts`: whose each commit is.
    """
    if not attempts:
        return []
    beneath = _beneath(git, onto, tasks)
    found = ((task, _put_out(task, beneath, attempts)) for task in tasks)
    return [
        Ejected(
            task=task.key,
            reason="dependency",
            detail=f"its branch holds an attempt of task {number_of(other.key)} that was put out",
            ref=task.branch,
        )
        for task, other in found
        if other
    ]


def _put_out(task: Task, beneath: Mapping[str, set[str]], attempts: Mapping[str, Task]) -> Task | None:
    for commit in sorted(beneath[task.key] & attempts.keys()):
        other = attempts[commit]
        counts = other.state in DONE and (commit == other.commit or commit in beneath.get(other.key, ()))
        if other.key != task.key and not counts:
            return other
    return None


def _beneath(git: Repository, onto: str, tasks: Sequence[Task]) -> dict[str, set[str]]:
    """For each task the commits that its own is built on, without those of the target."""
    commits = [task.commit for task in tasks if task.commit]
    listed = git.run("rev-list", "--parents", *commits, f"^{onto}") if commits else ""
    parents = {commit: rest for commit, *rest in map(str.split, listed.splitlines())}
    return {task.key: _ancestors(task.commit or "", parents) for task in tasks}


def _ancestors(commit: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    todo = list(parents.get(commit, ()))
    while todo:
        ancestor = todo.pop()
        if ancestor not in found:
            found.add(ancestor)
            todo += parents.get(ancestor, ())
    return found
