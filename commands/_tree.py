"""A plan as a tree for a terminal: its stages, tasks, agents, tokens and time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from agents.tasks.order import Order
from commands._records_text import state_text, usage_text, where_to
from commands._status import Status
from commands._text import numbers, printable
from state import clock
from state.keys import number_of
from state.lifecycle import DONE
from state.plural import plural
from state.records import Launch, Task

if TYPE_CHECKING:
    from rich.tree import Tree

STAGES = ("plan", "code", "reconcile", "review", "launch")
_COLORS = {"completed": "green", "merged": "green", "failed": "red", "blocked": "red", "testing": "cyan"}
_AT_WORK = ("in_progress", "testing")


def tree(status: Status, stage: str, since: Mapping[str, float]) -> Tree:
    """`since`: the monotonic time from which each task has been in its state, by key, as far as it was seen."""
    from rich.text import Text
    from rich.tree import Tree

    head = "  ".join(part for part in (status.request.title, usage_text(status.usage), _age(status)) if part)
    root = Tree(Text(printable(head), style="bold"))
    order = Order({task.key: task for task in status.tasks})
    for name in STAGES:
        line = f"{name}  {_said(status, name)}".rstrip()
        branch = root.add(Text(printable(line), style="bold cyan" if name == stage else "dim"))
        for task in status.tasks if name == "code" else ():
            branch.add(
                Text(printable(_line(task, order, status.launch, since)), style=_COLORS.get(task.state, ""))
            )
    return root


def stage_of(status: Status) -> str:
    """The stage that a plan is in, by its records."""
    if status.launch or status.plan.state == "done":
        return "launch"
    outcome = status.orchestration.outcome if status.orchestration else None
    if status.orchestration is None:
        return "plan"
    if any(task.state in ("pending", "assigned", *_AT_WORK) for task in status.tasks):
        return "code"
    if outcome is None:
        return "reconcile"
    approved = (
        status.review and status.review.commit == outcome.commit and status.review.verdict == "approved"
    )
    return "launch" if approved else "review"


def by(task: Task) -> str:
    attempt = f", attempt {task.attempts}" if task.attempts > 1 else ""
    return f" ({task.agent}{attempt})" if task.agent else ""


def _line(task: Task, order: Order, launch: Launch | None, since: Mapping[str, float]) -> str:
    at_work = task.state in _AT_WORK and task.key in since
    seconds = f" {_duration(time.monotonic() - since[task.key])}" if at_work else ""
    ahead = numbers(order.waits_for(task)) if task.state in ("pending", "assigned") else ""
    waits = f" waits for {ahead}:" if ahead else ""
    return f"{number_of(task.key):>3} {state_text(task, launch):<12}{by(task)}{seconds}{waits} {task.title}"


def _said(status: Status, stage: str) -> str:
    """How far it has come, in a few words."""
    outcome = status.orchestration.outcome if status.orchestration else None
    if stage == "plan":
        return f"{plural(len(status.tasks), 'task')}, {status.plan.state}"
    if stage == "code" and status.tasks:
        done = sum(task.state in DONE for task in status.tasks)
        return f"{done} of {len(status.tasks)} done"
    if stage == "reconcile" and outcome:
        ejected = f", {len(outcome.ejected)} not" if outcome.ejected else ""
        return f"{len(outcome.landed)} landed{ejected}, {plural(outcome.test_runs, 'test run')}"
    if stage == "review" and status.review:
        return f"{status.review.verdict}, {plural(len(status.review.findings), 'finding')}"
    if stage == "launch" and status.launch:
        landing = status.launch.landing
        return f"{landing.how} {landing.commit[:12]} {where_to(landing)}"
    return ""


def _age(status: Status) -> str:
    """Of the work on it, to its end if that is recorded."""
    if status.orchestration is None:
        return ""
    end = clock.seconds(status.launch.created) if status.launch else time.time()
    return _duration(end - clock.seconds(status.orchestration.created))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
