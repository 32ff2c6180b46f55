"""Regular expressions of somebody's preset, on text that an agent prints: neither may keep us busy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from state.errors import UsageError

_PATIENCE = 0.5  # seconds for all lines of one agent: then its errors are looked for no more


class Patterns:
    def __init__(self, expressions: Sequence[str]) -> None:
        self._compiled = [_compiled(expression) for expression in expressions]
        self._left = _PATIENCE

    def found(self, text: str) -> Iterator[str]:
        """What each of them finds first, as long as there is time."""
        for pattern in self._compiled:
            start = time.monotonic()
            try:
                match = pattern.search(text, timeout=self._left) if self._left > 0 else None
            except TimeoutError:
                match = None
            self._left -= time.monotonic() - start
            if match:
                yield match[0]


def _compiled(expression: str) -> Any:
    import regex  # as `re` can't be stopped

    try:
        return regex.compile(expression)
    except (regex.error, RecursionError) as error:
        raise UsageError(f"{expression!r} is no regular expression: {error}") from None
