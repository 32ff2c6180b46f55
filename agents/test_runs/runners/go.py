"""`go test`: tests with -v, else packages that passed and tests that failed."""

from __future__ import annotations

import re
from dataclasses import replace

from agents.test_runs.counts import Counts, Failure

_LINE = re.compile(
    r"^ *--- (?P<how>PASS|FAIL|SKIP): (?P<test>\S+) \([\d.]+s\)$"
    r"|^(?P<end>ok|FAIL|\?) *\t(?P<package>\S+)[ \t]*(?P<said>.*)$",
    re.MULTILINE,
)
_NOTHING = ("[no test files]", "[no tests to run]")


def go(text: str) -> Counts | None:
    total, tests, spoke = Counts(), Counts(), False
    for line in _LINE.finditer(text):
        if line["test"]:
            tests += _test(line)
        else:
            spoke = True
            total += _package(line, tests)
            tests = Counts()
    return total + tests if spoke else None


def _test(line: re.Match[str]) -> Counts:
    if line["how"] == "FAIL":
        return Counts(failed=1, failures=(Failure(line["test"]),))
    return Counts(passed=1) if line["how"] == "PASS" else Counts(skipped=1)


def _package(line: re.Match[str], tests: Counts) -> Counts:
    """Its line comes after those of its tests."""
    if line["said"].endswith(" failed]"):  # to build, or to set up
        return tests + Counts(errors=1, failures=(Failure(f"{line['package']} {line['said']}"),))
    if line["end"] == "ok" and not (tests.passed or tests.skipped or line["said"].endswith(_NOTHING)):
        return Counts(passed=1)
    failures = tuple(Failure(f"{line['package']} {one.name}") for one in tests.failures)
    return replace(tests, failures=failures)


READERS = (go,)
