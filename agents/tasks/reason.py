"""Why a task failed, in a few lines."""

from __future__ import annotations

_LINES = 4  # `The tests failed:`, the command, how it ended, the first failure; or an error and what to do about it
_CHARACTERS = 300  # of a line


def gist(reason: str, most: int = _LINES) -> list[str]:
    """The first lines that say anything."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return [_short(line) for line in lines[:most]]


def _short(line: str) -> str:
    return line if len(line) <= _CHARACTERS else f"{line[:_CHARACTERS]}..."
