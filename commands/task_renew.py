"""Renew the lease on a claimed task."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text
from state.records import Task
from state.store import Store


class TaskRenew(Params):
    id: TaskId
    token: Annotated[int, Meta(description="The claim's fencing token.")]


def run(store: Store, params: TaskRenew) -> Task:
    from agents.tasks.dispatch import renew

    task = store.get(Task, params.id)
    renew(store, task.key, params.token)
    return task


OPERATION = Operation(run, TaskRenew, "POST /tasks/{id}/renew", task_text, role="agent")
