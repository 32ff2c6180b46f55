"""A plan and all that is known of it, as commands show it and wait for it."""

from __future__ import annotations

import msgspec

from agents.reconcile.foreseen import Foreseen
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
    return all(
        task.state in SETTLED or (task.state == "testing" and task.commit is None) for task in status.tasks
    )


def exit_code(status: Status) -> int:
    """0: every task that is wanted is completed; 7: some are; 1: none is."""
    wanted = [task for task in status.tasks if task.state != "cancelled"]
    done = [task for task in wanted if task.state in DONE]
    return 1 if not done else 0 if len(done) == len(wanted) else 7


def clash_text(pair: Foreseen) -> str:
    one, other = map(number_of, pair.tasks)
    return f"{one} and {other}: {', '.join(pair.files)}"
