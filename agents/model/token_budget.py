"""What an orchestration may still ask of models: spent, being spent by calls at this moment, and left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from msgspec.structs import replace

from agents.model.prices import cost, priced
from state import leases
from state.config import Price
from state.errors import BudgetReached
from state.keys import number_of
from state.records import Budgets, Orchestration, Plan, Pull, Record, Review, Task, Usage
from state.store import Store

R = TypeVar("R", bound=Record)
RAISE = "what is done is kept; raise `budgets` in .refactory/config.yaml and orchestrate again"
ANSWER = 16_000  # tokens that an answer may have where there is a budget and nothing else bounds it
LEAST = 256  # tokens; an answer with less room than this is not worth its question


class Records(Protocol):
    """The store, or a transaction on it."""

    def get(self, cls: type[R], reference: str | int, /) -> R: ...

    def all(self, cls: type[R], /) -> list[R]: ...


@dataclass(frozen=True)
class Bound:
    """One budget: in tokens, or in money by the configured price. `output`: what a token of an answer takes of it."""

    limit: float
    unit: str
    measure: Callable[[Usage], float]
    output: float

    def said(self, amount: float) -> str:
        return f"{amount:.4f}" if self.unit == "money" else str(round(amount))


def bounds(budgets: Budgets, price: Price | None) -> list[Bound]:
    """Raises UsageError for a budget in money without a price."""
    found = []
    if budgets.tokens is not None:
        found.append(Bound(budgets.tokens, "tokens", lambda use: use.tokens, 1))
    if budgets.money is not None:
        known = priced(price)
        found.append(Bound(budgets.money, "money", lambda use: cost(use, known), known.output / 1_000_000))
    return found


def total(usages: Iterable[Usage]) -> Usage:
    """Of one kind of work, or of all."""
    summed = Usage()
    for usage in usages:
        model = usage.model if summed.model in ("", usage.model) else "several"
        summed = replace(summed + usage, model=model)
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


def used_up(records: Records, orchestration: Orchestration) -> Usage:
    return total(spent(records, records.get(Plan, orchestration.plan), orchestration.key))


def tokens_left(records: Records, orchestration: Orchestration) -> int | None:
    """What the records say; None: there is no budget."""
    if orchestration.budgets.tokens is None:
        return None
    return orchestration.budgets.tokens - used_up(records, orchestration).tokens


def check_left(records: Records, orchestration: Orchestration, price: Price | None) -> None:
    """Raises BudgetReached when nothing is left."""
    found = bounds(orchestration.budgets, price)
    used = used_up(records, orchestration) if found else Usage()
    for bound in found:
        if bound.measure(used) >= bound.limit:
            number = number_of(orchestration.key)
            raise BudgetReached(
                f"orchestration {number}: {bound.said(bound.limit)} {bound.unit} are used up", RAISE
            )


def answer_limit(budgets: Budgets, price: Price | None, used: Usage, size: int) -> int | None:
    """How many tokens the answer to a question of so many may have; raises BudgetReached if that is none to speak of.

    None: there is no budget. For who asks alone.
    """
    found = None
    for bound in bounds(budgets, price):
        left = bound.limit - bound.measure(used)
        after = left - bound.measure(Usage(input_tokens=size))
        fits = int(min(after / bound.output, 10**9)) if bound.output else 10**9
        if fits < LEAST:
            raise BudgetReached(
                f"{bound.said(max(0, left))} of {bound.said(bound.limit)} {bound.unit} are left, "
                f"a question of about {size} tokens can't be answered with that",
                RAISE,
            )
        found = fits if found is None else min(found, fits)
    return found


def reserve(store: Store, task_key: str, token: int, used: Usage, wanted: Usage) -> bool:
    """Set aside what a call of the task's holder may take, who has `used` some since it claimed the task.

    False while the calls of others may need what is left: their ends will tell. Raises BudgetReached when
    nobody else is asking.
    """
    with store.lock("reserve"):
        held = leases.check(store.location.private, task_key, token)
        orchestration = store.get(Orchestration, store.get(Task, task_key).orchestration or "")
        others = _others(store, orchestration, task_key)
        taken = used_up(store, orchestration), used, *(_used(lease) for lease in others)
        granted = True
        for bound in bounds(orchestration.budgets, store.config.model.price):
            free = bound.limit - sum(map(bound.measure, taken))
            asking = sum(bound.measure(_wanted(lease)) for lease in others)
            fits = bound.measure(wanted) <= free - asking
            granted = granted and fits
            if not fits and not asking:
                _write(store, held, used, Usage())
                raise _reached(orchestration, task_key, bound, free, bound.measure(wanted))
        _write(store, held, used, wanted if granted else Usage())
        return granted


def _write(store: Store, held: leases.Lease, used: Usage, wanted: Usage) -> None:
    held = replace(
        held,
        tokens_used=used.tokens,
        tokens_wanted=wanted.tokens,
        output_used=used.output_tokens,
        output_wanted=wanted.output_tokens,
    )
    leases.write(store.location.private, held)


def _used(lease: leases.Lease) -> Usage:
    return Usage(input_tokens=lease.tokens_used - lease.output_used, output_tokens=lease.output_used)


def _wanted(lease: leases.Lease) -> Usage:
    return Usage(input_tokens=lease.tokens_wanted - lease.output_wanted, output_tokens=lease.output_wanted)


def _others(store: Store, orchestration: Orchestration, task: str) -> list[leases.Lease]:
    mine = {assignment.task for assignment in orchestration.assignments} - {task}
    return [
        lease for lease in leases.all_leases(store.location.private) if lease.task in mine and lease.live()
    ]


def _reached(
    orchestration: Orchestration, task: str, bound: Bound, free: float, wanted: float
) -> BudgetReached:
    return BudgetReached(
        f"orchestration {number_of(orchestration.key)}: {bound.said(max(0, free))} of {bound.said(bound.limit)} "
        f"{bound.unit} are left, the next call for task {number_of(task)} needs about {bound.said(wanted)}",
        RAISE,
    )
