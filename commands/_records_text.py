"""Records as text that several commands end by showing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from agents.tasks.reason import gist
from commands._text import fields, numbers
from state.keys import number_of
from state.lifecycle import STUCK
from state.plural import plural
from state.records import Ejected, Landing, Launch, Plan, Request, Task, Usage


def request_text(request: Request) -> str:
    return fields(
        [
            ("request", number_of(request.key)),
            ("key", request.key),
            ("title", request.title),
            ("state", request.state),
            ("reason", request.reason),
            ("created", request.created),
            ("description", request.description),
        ]
    )


def task_text(task: Task) -> str:
    return fields(
        [
            ("task", number_of(task.key)),
            ("key", task.key),
            ("title", task.title),
            ("state", task.state),
            ("plan", number_of(task.plan)),
            ("agent", task.agent),
            ("attempts", task.attempts),
            ("scope", task.scope),
            ("depends on", numbers(task.depends_on)),
            ("after", numbers(task.after)),
            ("built on", numbers(task.built_on)),
            ("acceptance", "\n".join(task.acceptance)),
            ("base", task.base),
            ("branch", task.branch),
            ("commit", task.commit),
            ("pull request", task.pr_url),
            ("detail", task.detail),
            ("feedback", task.feedback),
        ]
    )


def usage_text(usage: Usage | None, cost: float | None = None) -> str | None:
    """None for a plan that asks no model. The cost is by the configured price; without one none is named."""
    if usage is None or not usage.requests:
        return None
    priced = "" if cost is None else f", {cost:.4f} by model.price"
    return f"{usage.input_tokens} in, {usage.output_tokens} out, {plural(usage.requests, 'request')}{priced}"


def plan_text(plan: Plan) -> str:
    return fields(
        [
            ("plan", number_of(plan.key)),
            ("request", number_of(plan.request)),
            ("state", plan.state),
            ("tasks", numbers(plan.tasks)),
            ("warnings", "\n".join(plan.warnings)),
        ]
    )


def left_out(ejected: Iterable[Ejected], told: Collection[str] = ()) -> str:
    """`told`: tasks whose reason stands elsewhere."""
    return "\n".join(
        f"{number_of(e.task)} {e.reason}" + ("" if e.task in told else f": {' '.join(gist(e.detail))}")
        for e in ejected
    )


_LANDED = {"push": "pushed", "pull-request": "proposed", "command": "delivered"}


def state_text(task: Task, launch: Launch | None) -> str:
    """What has landed is `merged` in the records; to people it is said how it landed."""
    if task.state != "merged" or launch is None or launch.merged:
        return task.state
    return _LANDED.get(launch.landing.how, task.state)


def where_to(landing: Landing) -> str:
    """`into main`, or the branches of the remote that point to it now."""
    if landing.how == "command":
        return f"for {landing.target_branch}"
    return f"into {landing.target_branch}" if landing.how == "merge" else f"to {', '.join(landing.branches)}"


def reason(task: Task) -> list[str]:
    """Why it can't go on, in a few lines."""
    return gist(task.feedback) if task.state in STUCK else []


def reasons(tasks: Iterable[Task]) -> str:
    failed = ((task, why) for task in tasks if (why := reason(task)))
    return "\n".join(
        f"task {number_of(task.key)} {task.state}: " + "\n    ".join(why) for task, why in failed
    )
