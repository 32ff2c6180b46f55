"""`2 failed, 1 passed`: how many runners end."""

from __future__ import annotations

import re
from collections import Counter

_PART = re.compile(r"(\d+) ([a-z ]+)")

WORDS = {
    "passed": "passed",
    "xpassed": "passed",
    "failed": "failed",
    "error": "errors",
    "errors": "errors",
    "skipped": "skipped",
    "xfailed": "skipped",
    "todo": "skipped",
}


def counted(summary: str, separator: str = ", ") -> Counter[str] | None:
    """By the names of `Counts`; None if it is no such summary."""
    found = [_PART.fullmatch(part) for part in summary.split(separator)]
    total: Counter[str] = Counter()
    for part in found:
        if part is None:
            return None
        if part[2] in WORDS:
            total[WORDS[part[2]]] += int(part[1])
    return total
