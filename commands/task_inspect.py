"""Show everything about a task: the record, and each attempt with what became of it."""

from __future__ import annotations

from textwrap import indent

from msgspec.structs import asdict

from agents.tasks.reason import gist
from commands._operation import Operation, Params, TaskId
from commands._records_text import task_text, usage_text
from commands._text import fields
from state.keys import number_of
from state.records import Pull, Task, Tests
from state.store import Store


class TaskInspect(Params):
    id: TaskId


class Inspection(Task, frozen=True, kw_only=True):
    """A task with its attempts, the oldest first: the records that `pulls` names."""

    attempted: list[Pull] = []


def run(store: Store, params: TaskInspect) -> Inspection:
    task = store.get(Task, params.id)
    return Inspection(**asdict(task), attempted=[store.get(Pull, key) for key in task.pulls])


def text(inspection: Inspection) -> str:
    attempts = "\n".join(_attempt(pull) for pull in inspection.attempted)
    more = fields([("attempted", attempts), ("next", _next(inspection))])
    return f"{task_text(inspection)}\n{more}".rstrip("\n")


def _next(task: Task) -> str:
    """What to do about a task that failed."""
    if task.state != "failed":
        return ""
    number = number_of(task.key)
    return f"`refactory task:retry {number}` gives it its attempts again; `refactory task:cancel {number}` gives it up"


def _attempt(pull: Pull) -> str:
    """`attempt 1, coder-2, 1a2b3c4d5e6f: passed by tester-1; sent back (red):` and below it why."""
    said, why = [], pull.failure
    if pull.tests:
        said.append(_tested(pull.tests))
        why = pull.tests.output if pull.tests.verdict == "failed" else ""
    if pull.sent_back:
        said.append(f"sent back ({pull.sent_back.why})")
        why = pull.sent_back.reason
    if pull.preset:
        said.append(f"by {pull.preset}")
    if pull.tolerances:
        more = ", ..." if len(pull.tolerances) > 1 else ""
        said.append(f"not placed exactly: {pull.tolerances[0]}{more}")
    if pull.ignored:
        said.append(f"its own ignore rules left out {', '.join(pull.ignored)}")
    said = said or ["failed" if pull.failure else "reported"]
    if tokens := usage_text(pull.usage):
        said.append(tokens)
    commit = f", {pull.commit[:12]}" if pull.commit else ""
    if pull.message.strip() and pull.message.strip() not in why:
        why = f"{why.rstrip()}\nIt said: {' '.join(gist(pull.message))}".lstrip()
    head = f"attempt {pull.attempt}, {pull.agent}{commit}: {'; '.join(said)}"
    return head + (f":\n{indent(why.strip(), '  ')}" if why.strip() else "")


def _tested(tests: Tests) -> str:
    """`passed by tester-1 (12 passed, 0 failed, 1 skipped; flaky: a.py::test_b)`."""
    said = [f"{tests.passed} passed, {tests.failed} failed, {tests.skipped} skipped"]
    if tests.passed is None:
        said = ["no counts: the exit code decided"] if tests.commands else ["no test ran"]
    said += [f"flaky: {', '.join(tests.flaky)}"] if tests.flaky else []
    said += [f"fails without it, too: {', '.join(tests.base_failures)}"] if tests.base_failures else []
    return f"{tests.verdict} by {tests.tester} ({'; '.join(said)})"


OPERATION = Operation(run, TaskInspect, "GET /tasks/{id}", text, role="viewer")
