"""What a check says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from agents.diagnosis.backup import Backup

Mend = Callable[["Backup"], object]


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`fix` says what `--fix` would do; empty: a person has to decide, as `hint` says."""

    check: str
    message: str
    fix: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Found:
    problem: Problem
    mend: Mend | None = None


def found(check: str, message: str, hint: str = "") -> Found:
    return Found(Problem(check=check, message=message, hint=hint))


def fixable(check: str, message: str, fix: str, mend: Mend) -> Found:
    return Found(Problem(check=check, message=message, fix=fix), mend)
