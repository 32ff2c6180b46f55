"""Give a claimed task back unfinished; the attempt does not count."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text
from state.records import Task, Usage
from state.store import Store


class TaskRelease(Params):
    id: TaskId
    token: Annotated[int, Meta(description="The claim's fencing token.")]
    usage: Annotated[
        Usage | None,
        Meta(description="JSON: what was spent on it all the same; see pull:record.", extra={"json": True}),
    ] = None


def run(store: Store, params: TaskRelease) -> Task:
    from agents.tasks.dispatch import release

    task = store.get(Task, params.id)
    release(store, task.key, params.token, params.usage)
    return store.get(Task, task.key)


OPERATION = Operation(run, TaskRelease, "POST /tasks/{id}/release", task_text, role="agent")
