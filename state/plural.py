"""Numbers of things, in words."""

from __future__ import annotations


def plural(count: float, thing: str) -> str:
    """`1 file`, `2 files`, `0.5 days`."""
    number = f"{count:g}" if isinstance(count, float) else str(count)
    return f"{number} {thing}" if count == 1 else f"{number} {thing}s"
