"""The model that the reconciler may ask: within the budget, and what it cost is recorded, however the work ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agents.model.errors import ModelError, Spent
from agents.model.meter import Meter
from agents.model.token_budget import ANSWER, answer_limit, total, used_up
from agents.model.tokens import tokens_of
from state.records import Orchestration
from state.store import Store

if TYPE_CHECKING:
    from agents.model.client import ModelClient, Turn
    from agents.reconcile.resolvers.model import ModelResolver


@contextmanager
def asking(store: Store, orchestration: Orchestration) -> Iterator[ModelResolver | None]:
    """None where `model` is not among the configured resolvers."""
    if "model" not in store.config.reconcile.resolvers:
        yield None
        return
    from agents.model.client import ModelClient
    from agents.prompts.context import room_of
    from agents.prompts.prompt import instructions
    from agents.reconcile.resolvers.model import ModelResolver

    meter = Meter()
    with closing(ModelClient(store.config.model, store.location.root)) as client:

        def ask(turns: Sequence[Turn]) -> str:
            told = instructions("resolver", store.location.root)
            size = tokens_of(told, *(turn.text for turn in turns), model=store.config.model.model)
            so_far = total([used_up(store, orchestration), *filter(None, [meter.usage])])
            most = answer_limit(orchestration.budgets, store.config.model.price, so_far, size)
            own = store.config.model.max_output_tokens
            return _answer(client, told, turns, meter, own if most is None else min(most, own or ANSWER))

        try:
            yield ModelResolver(ask, room_of(store.config.coder.context_tokens))
        finally:
            _record(store, orchestration, meter)


def _answer(client: ModelClient, told: str, turns: Sequence[Turn], meter: Meter, bound: int | None) -> str:
    try:
        answer = client.ask(told, turns, max_output_tokens=bound)
    except ModelError as error:
        meter.pay(error.spent, client.settings.model)
        raise
    meter.pay(Spent(answer.requests, answer.input_tokens, answer.output_tokens), answer.model)
    return answer.text


def _record(store: Store, orchestration: Orchestration, meter: Meter) -> None:
    if meter.usage is None:
        return
    with store.transaction("reconcile") as changes:
        now = changes.get(Orchestration, orchestration.key)
        both = filter(None, (now.reconciler_usage, meter.usage))
        changes.put(replace(now, reconciler_usage=total(both)))
