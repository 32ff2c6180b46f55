"""Show everything about a task."""

from __future__ import annotations

from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text
from state.records import Task
from state.store import Store


class TaskInspect(Params):
    id: TaskId


def run(store: Store, params: TaskInspect) -> Task:
    return store.get(Task, params.id)


OPERATION = Operation(run, TaskInspect, "GET /tasks/{id}", task_text, role="viewer")
