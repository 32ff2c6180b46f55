"""Give a claimed task back unfinished; the attempt does not count."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text
from state.records import Task
from state.store import Store


class TaskRelease(Params):
    id: TaskId
    token: Annotated[int, Meta(description="The claim's fencing token.")]


def run(store: Store, params: TaskRelease) -> Task:
    from agents.dispatch import release

    task = store.get(Task, params.id)
    release(store, task.key, params.token)
    return store.get(Task, task.key)


OPERATION = Operation(run, TaskRelease, "POST /tasks/{id}/release", task_text, role="agent")
