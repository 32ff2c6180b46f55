"""Cancel a task; what depends on it is blocked."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text
from state.records import Task
from state.store import Store


class TaskCancel(Params):
    id: TaskId
    reason: Annotated[str, Meta(description="Why; kept with the task.")] = ""


def run(store: Store, params: TaskCancel) -> Task:
    from agents.tasks.completion import cancel

    return cancel(store, str(params.id), params.reason)


OPERATION = Operation(run, TaskCancel, "POST /tasks/{id}/cancel", task_text)
