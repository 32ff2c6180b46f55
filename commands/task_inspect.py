"""Show everything about a task: the record, and each attempt with what became of it."""

from __future__ import annotations

from msgspec.structs import asdict

from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text
from commands._text import fields
from state.records import Pull, Task
from state.store import Store


class TaskInspect(Params):
    id: TaskId


class Inspection(Task, frozen=True, kw_only=True):
    """A task with its attempts, the oldest first."""

    pulls: list[Pull] = []


def run(store: Store, params: TaskInspect) -> Inspection:
    task = store.get(Task, params.id)
    return Inspection(**asdict(task), pulls=store.all(Pull, lambda pull: pull.task == task.key))


def text(inspection: Inspection) -> str:
    attempts = "\n".join(attempt_line(pull) for pull in inspection.pulls)
    return f"{task_text(inspection)}\n{fields([('pulls', attempts)])}".rstrip("\n")


def attempt_line(pull: Pull) -> str:
    """`attempt 1, coder-2, 1a2b3c4d5e6f: passed by tester-1; sent back (red): ...`"""
    said = [pull.failure.partition("\n")[0]] if pull.failure else []
    said += [f"{pull.tests.verdict} by {pull.tests.tester}"] if pull.tests else []
    if pull.sent_back:
        said.append(f"sent back ({pull.sent_back.why}): {pull.sent_back.reason.partition(chr(10))[0]}")
    commit = f", {pull.commit[:12]}" if pull.commit else ""
    return f"attempt {pull.attempt}, {pull.agent}{commit}: {'; '.join(said) or 'reported'}"


OPERATION = Operation(run, TaskInspect, "GET /tasks/{id}", text, role="viewer")
