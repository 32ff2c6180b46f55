"""How many tests passed, failed and were skipped, and which ones failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    name: str
    message: str = ""


@dataclass(frozen=True)
class Counts:
    """`failures` names the first failed or erroneous tests, `unreadable` the reports that were not counted."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    failures: tuple[Failure, ...] = ()
    unreadable: tuple[str, ...] = ()

    @classmethod
    def of(cls, numbers: Mapping[str, int], failures: Iterable[Failure] = ()) -> Counts:
        """`numbers` by the names of the fields."""
        passed, failed, errors, skipped = (
            numbers.get(name, 0) for name in ("passed", "failed", "errors", "skipped")
        )
        return cls(passed, failed, errors, skipped, tuple(failures))

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.errors + other.errors,
            self.skipped + other.skipped,
            self.failures + other.failures,
            self.unreadable + other.unreadable,
        )

    @property
    def bad(self) -> int:
        return self.failed + self.errors

    @property
    def succeeded(self) -> bool:
        """Some tests passed, none failed, and nothing is unknown."""
        return self.passed > 0 and not (self.bad or self.unreadable)

    @property
    def names(self) -> frozenset[str] | None:
        """Of the failed tests; None where not every one is known."""
        if self.unreadable or not self.bad or len(self.failures) != self.bad:
            return None
        return frozenset(failure.name for failure in self.failures)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.bad} failed, {self.skipped} skipped"
