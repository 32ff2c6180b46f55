"""How much an answer may cost to place: it may be made to keep us busy, by its author or by chance."""

from __future__ import annotations

from agents.edits.changes import EditRefused

MOST = 6_000_000  # steps of 0.1 to 0.3 microseconds: to look at a line takes one or two


class TooMuchWork(EditRefused):
    """Not one problem of many: all that is left would fail, too."""


class Work:
    """What is left of the steps that all hunks of an answer have together."""

    def __init__(self, most: int = MOST) -> None:
        self.left = most

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork(
                "it takes too long to find where the changes go: too many of them, or lines that repeat too often",
                "send fewer changes at once, or the whole file",
            )
