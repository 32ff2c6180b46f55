"""Send a completed task back to its coder with a reason."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params, Sha, TaskId
from commands._records_text import task_text
from state.records import Task
from state.store import Store


class TaskRework(Params):
    id: TaskId
    reason: Annotated[str, Meta(min_length=1, description="What is wrong; the coder reads it.")]
    onto: Annotated[
        Sha | None, Meta(description="The commit to start again from; default: the pinned base.")
    ] = None


def run(store: Store, params: TaskRework) -> Task:
    from agents.tasks.completion import rework

    return rework(store, str(params.id), params.onto, params.reason)


OPERATION = Operation(run, TaskRework, "POST /tasks/{id}/rework", task_text, role="agent")
