"""What a task waits for, and what it starts from: `depends_on` is a requirement, `after` an order alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from state.lifecycle import DONE, STOPPED
from state.records import Task


class Order:
    """Among these tasks, by key, in the plan's order."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = tasks

    def requires(self, task: Task) -> list[str]:
        """What it depends on that is not done."""
        return [key for key in task.depends_on if key not in self._tasks or not _is_done(self._tasks[key])]

    def waits_for(self, task: Task) -> list[str]:
        """What holds it, as long as it has not begun: what it requires, and what it follows and may still finish."""
        following = [other.key for other in self._ahead(task) if not _is_done(other)]
        return list(dict.fromkeys([*self.requires(task), *following]))

    def starts_from(self, task: Task, alone: bool = False) -> list[str]:
        """Those whose results its work begins on; `alone`: only what it requires."""
        followed = [other.key for other in self._ahead(task) if _is_done(other)]
        return list(dict.fromkeys([*task.depends_on, *([] if alone else followed)]))

    def _ahead(self, task: Task) -> list[Task]:
        """What it follows, the first of the plan first: if two conflict, the later one is done again.

        In place of one that has stopped, and beside one made without, stands what that one followed.
        """
        seen = dict.fromkeys(task.after)
        todo = list(seen)
        for key in todo:
            other = self._tasks.get(key)
            if other:
                todo += [more for more in self._passed_on(other) if more not in seen]
                seen |= dict.fromkeys(todo)
        found = (self._tasks[key] for key in seen if key in self._tasks and key not in self._stopped)
        return sorted(found, key=lambda other: self._place[other.key])

    def _passed_on(self, other: Task) -> list[str]:
        if other.key in self._stopped:
            return [*other.after, *other.depends_on]
        return [key for key in other.after if key not in other.built_on] if _is_done(other) else []

    @cached_property
    def _place(self) -> dict[str, int]:
        return {key: n for n, key in enumerate(self._tasks)}

    @cached_property
    def _stopped(self) -> set[str]:
        """Nothing becomes of them by themselves: of what stopped, of what requires it, and of a mere URL."""
        stopped = {task.key for task in self._tasks.values() if _has_stopped(task)}
        count = -1
        while len(stopped) != count:
            count = len(stopped)
            stopped |= {
                task.key
                for task in self._tasks.values()
                if not _is_done(task) and not stopped.isdisjoint(task.depends_on)
            }
        return stopped


def _is_done(task: Task) -> bool:
    return task.state in DONE


def _has_stopped(task: Task) -> bool:
    return task.state in STOPPED or is_mere_url(task)


def is_mere_url(task: Task) -> bool:
    """Said to be done somewhere: nobody can test it until somebody says the branch."""
    return task.state == "testing" and task.commit is None
