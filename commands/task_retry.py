"""Assign a failed or cancelled task again, with all its attempts; what it blocked is free."""

from __future__ import annotations

from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text
from state.records import Task
from state.store import Store


class TaskRetry(Params):
    id: TaskId


def run(store: Store, params: TaskRetry) -> Task:
    from agents.tasks.completion import retry

    return retry(store, str(params.id))


OPERATION = Operation(run, TaskRetry, "POST /tasks/{id}/retry", task_text)
