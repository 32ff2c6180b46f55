"""What an orchestration may still ask of models: spent, being spent by calls at this moment, and left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from msgspec.structs import replace

from state import leases
from state.errors import BudgetReached
from state.keys import number_of
from state.records import Orchestration, Plan, Pull, Record, Review, Task, Usage
from state.store import Store

R = TypeVar("R", bound=Record)
RAISE = "what is done is kept; raise `budgets` in .refactory/config.yaml and orchestrate again"


class Records(Protocol):
    """The store, or a transaction on it."""

    def get(self, cls: type[R], reference: str | int, /) -> R: ...

    def all(self, cls: type[R], /) -> list[R]: ...


def total(usages: Iterable[Usage]) -> Usage:
    """Of one kind of work, or of all."""
    summed = Usage()
    for usage in usages:
        summed = Usage(
            model=usage.model if summed.model in ("", usage.model) else "several",
            requests=summed.requests + usage.requests,
            input_tokens=summed.input_tokens + usage.input_tokens,
            output_tokens=summed.output_tokens + usage.output_tokens,
        )
    return summed


def spent(records: Records, plan: Plan, orchestration: str | None = None) -> Iterator[Usage]:
    """On the plan by all stages; of those after the planner in this orchestration alone, if one is given."""
    pulls = (records.get(Pull, pull) for key in plan.tasks for pull in records.get(Task, key).pulls)
    reviews = (review for review in records.all(Review) if review.plan == plan.key)
    work: list[Pull | Review] = [*pulls, *reviews]
    mine = (one.usage for one in work if orchestration in (None, one.orchestration))
    begun = (one for one in records.all(Orchestration) if one.plan == plan.key)
    merging = (one.reconciler_usage for one in begun if orchestration in (None, one.key))
    yield from (usage for usage in (plan.usage, *mine, *merging) if usage)


def tokens_left(records: Records, orchestration: Orchestration) -> int | None:
    """What the records say; None: there is no budget."""
    if orchestration.budgets.tokens is None:
        return None
    used = total(spent(records, records.get(Plan, orchestration.plan), orchestration.key))
    return orchestration.budgets.tokens - used.input_tokens - used.output_tokens


def check_tokens(orchestration: Orchestration, left: int | None) -> None:
    """Raises BudgetReached when none are left."""
    if left is not None and left <= 0:
        number = number_of(orchestration.key)
        raise BudgetReached(
            f"orchestration {number}: {orchestration.budgets.tokens} tokens are used up", RAISE
        )


def reserve(store: Store, task_key: str, token: int, used: int, wanted: int) -> bool:
    """Set tokens aside for a call of the task's holder, who has `used` some since it claimed the task.

    False while the calls of others may need what is left: their ends will tell. Raises BudgetReached when
    nobody else is asking.
    """
    with store.lock("reserve"):
        held = leases.check(store.location.private, task_key, token)
        orchestration = store.get(Orchestration, store.get(Task, task_key).orchestration or "")
        left = tokens_left(store, orchestration)
        others = _others(store, orchestration, task_key)
        asking = sum(lease.tokens_wanted for lease in others)
        free = None if left is None else left - used - sum(lease.tokens_used for lease in others)
        granted = free is None or wanted <= free - asking
        held = replace(held, tokens_used=used, tokens_wanted=wanted if granted else 0)
        leases.write(store.location.private, held)
        if free is not None and not granted and not asking:
            raise _reached(orchestration, task_key, free, wanted)
        return granted


def _others(store: Store, orchestration: Orchestration, task: str) -> list[leases.Lease]:
    mine = {assignment.task for assignment in orchestration.assignments} - {task}
    return [
        lease for lease in leases.all_leases(store.location.private) if lease.task in mine and lease.live()
    ]


def _reached(orchestration: Orchestration, task: str, free: int, wanted: int) -> BudgetReached:
    return BudgetReached(
        f"orchestration {number_of(orchestration.key)}: {max(0, free)} of {orchestration.budgets.tokens} tokens "
        f"are left, the next call for task {number_of(task)} needs about {wanted}",
        RAISE,
    )
