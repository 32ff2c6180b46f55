"""What tokens cost, by the price that the configuration names. There is no other: prices change, and would be wrong."""

from __future__ import annotations

from state.config import Config, Price
from state.errors import UsageError
from state.records import Usage

_MILLION = 1_000_000


def cost(usage: Usage, price: Price) -> float:
    return (usage.input_tokens * price.input + usage.output_tokens * price.output) / _MILLION


def priced(price: Price | None) -> Price:
    if price is None:
        raise UsageError(
            "budgets.money is set, but model.price is not",
            "set model.price: {input: ..., output: ..., source: ...}, per million tokens, in .refactory/config.yaml",
        )
    return price


def refuse_unpriced(config: Config) -> None:
    """Before anything is spent."""
    if config.budgets.money is not None:
        priced(config.model.price)
