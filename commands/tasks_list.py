"""List tasks, by plan, state or agent."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from commands._operation import Limit, Offset, Operation, Page, Params, PlanId, page
from commands._text import label, table
from state.keys import number_of
from state.records import Plan, Task, TaskState
from state.store import Store


class TasksList(Params):
    plan_id: Annotated[PlanId | None, Meta(description="Only this plan's.")] = None
    state: Annotated[TaskState | None, Meta(description="Only those in this state.")] = None
    agent: Annotated[str | None, Meta(description="Only those assigned to this agent.")] = None
    limit: Limit = 100
    offset: Offset = 0


def run(store: Store, params: TasksList) -> Page[Task]:
    plan = None if params.plan_id is None else store.get(Plan, params.plan_id).key
    return page(store, Task, params.limit, params.offset, plan=plan, state=params.state, agent=params.agent)


def text(result: Page[Task]) -> str:
    rows = [
        (label(t.key, result.shared), number_of(t.plan), t.state, t.agent, t.attempts, t.title)
        for t in result.items
    ]
    return table(("ID", "PLAN", "STATE", "AGENT", "ATTEMPTS", "TITLE"), rows) if rows else "no tasks"


OPERATION = Operation(run, TasksList, "GET /tasks", text, role="viewer")
