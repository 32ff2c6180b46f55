"""pytest and unittest, Django's runner included."""

from __future__ import annotations

import re
from collections import Counter

from agents.test_runs.counts import Counts, Failure
from agents.test_runs.runners.words import counted

_ENDED = re.compile(r"^=* ?(\d+ [a-z, \d]+|no tests ran) in [\d.]+s(?: \([\d:]+\))? ?=*$", re.MULTILINE)
_OURS = re.compile(r"\b(passed|failed|errors?|skipped|xfailed|xpassed|deselected)\b|^no tests ran$")
_NAMED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - (.*))?$", re.MULTILINE)

_RAN = re.compile(r"^Ran (\d+) tests? in [\d.]+s\n\n(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$", re.MULTILINE)
_CASE = re.compile(r"^={70}\n(?:FAIL|ERROR): (.+)$", re.MULTILINE)


def pytest(text: str) -> Counts | None:
    ended = [found[1] for found in _ENDED.finditer(text) if _OURS.search(found[1])]
    if not ended:
        return None
    total: Counter[str] = Counter()
    for summary in ended:
        total.update(counted(summary) or {})
    named = [(found[1], found[2] or "") for found in _NAMED.finditer(text)]
    failures = tuple(Failure(*one) for one in named if "::" in one[0] or one[0].endswith(".py"))
    return Counts.of(total, failures)


def unittest(text: str) -> Counts | None:
    found = list(_RAN.finditer(text))
    if not found:
        return None
    total = sum((_ran(int(one[1]), one[2] or "") for one in found), Counts())
    return total + Counts(failures=tuple(Failure(one[1]) for one in _CASE.finditer(text)))


def _ran(ran: int, details: str) -> Counts:
    """A subtest fails beside its test, and is no test of its own: so there may be more failures than tests."""
    said = dict(part.split("=", 1) for part in details.split(", ") if "=" in part)
    numbers = Counter({name: int(value) for name, value in said.items() if value.isdigit()})
    failed = numbers["failures"] + numbers["unexpected successes"]
    skipped = numbers["skipped"] + numbers["expected failures"]
    return Counts(max(0, ran - failed - numbers["errors"] - skipped), failed, numbers["errors"], skipped)


READERS = (pytest, unittest)
