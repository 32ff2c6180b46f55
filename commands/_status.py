"""A plan and all that is known of it, as commands show it and wait for it."""

from __future__ import annotations

import msgspec

from agents.reconcile.foreseen import Foreseen
from agents.tasks.order import Order, is_mere_url
from state.errors import Conflict
from state.keys import number_of
from state.lifecycle import DONE, SETTLED
from state.records import Launch, Orchestration, Plan, Request, Review, Task, Usage


class Status(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A plan with its tasks, its latest orchestration, review and launch, and what models were asked for it.

    `targetMoved`: tasks have failed, and would be tried again from where the target branch was before.
    """

    plan: Plan
    request: Request
    tasks: list[Task]
    orchestration: Orchestration | None = None
    review: Review | None = None
    launch: Launch | None = None
    usage: Usage = Usage()
    cost: float | None = None
    conflicts: list[Foreseen] = []
    target_moved: bool = False


def settled(status: Status) -> bool:
    """Nothing is left that an agent here could do; of what has only a URL, somebody must say the branch."""
    return not _left(status)


def _left(status: Status) -> list[Task]:
    return [task for task in status.tasks if task.state not in SETTLED and not is_mere_url(task)]


def refuse_stuck(status: Status) -> None:
    """Raises Conflict where no agent will ever start what is left: a record was spoilt, or a merge closed a circle."""
    order = Order({task.key: task for task in status.tasks})
    left = _left(status)
    begun = any(task.state in ("in_progress", "testing") for task in left)
    startable = (task.plan == status.plan.key and not order.waits_for(task) for task in left)
    if left and not begun and not any(startable):
        waits = ", ".join(str(number_of(key)) for key in order.waits_for(left[0]))
        raise Conflict(
            f"plan {number_of(status.plan.key)} can't go on: task {number_of(left[0].key)} can never start"
            + (f", it waits for task {waits}" if waits else ""),
            "`refactory doctor` says what is wrong with the records; if only a URL is known of a task's work, "
            "`refactory pull:record` can name its branch",
        )


def exit_code(status: Status) -> int:
    """0: every task that is wanted is completed; 7: some are; 1: none is."""
    wanted = [task for task in status.tasks if task.state != "cancelled"]
    done = [task for task in wanted if task.state in DONE]
    return 1 if not done else 0 if len(done) == len(wanted) else 7


def clash_text(pair: Foreseen) -> str:
    one, other = map(number_of, pair.tasks)
    return f"{one} and {other}: {', '.join(pair.files)}"
