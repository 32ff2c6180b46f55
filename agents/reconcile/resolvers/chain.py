"""The configured resolvers, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agents.reconcile.resolvers import Resolver, semantic, union, zero_context
from agents.reconcile.resolvers.rerere import Rerere
from state.config import Reconcile


def chain(config: Reconcile, private: Path, plan: str, model: Resolver | None = None) -> list[Resolver]:
    """Without a `model` none is asked, whatever is configured."""
    known: Mapping[str, Resolver | None] = {
        "rerere": memory(private, plan),
        "union": union.resolver(config.union),
        "zero-context": zero_context.resolve,
        "semantic": semantic.resolver(config.semantic),
        "model": model,
    }
    return [found for name in config.resolvers if (found := known.get(name))]


def memory(private: Path, plan: str) -> Rerere:
    return Rerere(private / "rerere" / plan)
