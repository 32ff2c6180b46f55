"""Record a tester's verdict on a task's commit."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Operation, Params, Sha, TaskId
from commands._records_text import task_text
from state.records import Task, Tests
from state.store import Store


class TestsRecord(Params):
    id: TaskId
    commit: Annotated[Sha, Meta(description="The commit that was tested.")]
    tests: Annotated[Tests, Meta(description="The verdict, its counts and output.", extra={"json": True})]
    token: Annotated[
        int, Meta(description="The claim's fencing token: only who holds the task may judge it.")
    ]


def run(store: Store, params: TestsRecord) -> Task:
    from agents.tasks.completion import report_tests

    return report_tests(store, str(params.id), params.token, params.commit, params.tests)


OPERATION = Operation(run, TestsRecord, "POST /tasks/{id}/tests", task_text, role="agent")
