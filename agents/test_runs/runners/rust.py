"""`cargo test` and `cargo nextest`."""

from __future__ import annotations

import re

from agents.test_runs.counts import Counts, Failure

_RESULT = re.compile(
    r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;", re.MULTILINE
)
_FAILED = re.compile(r"^test (.+) \.\.\. FAILED$", re.MULTILINE)

_NEXTEST = re.compile(r"^ *Summary \[ *[\d.]+s\] +\d+ tests? run: (.+)$", re.MULTILINE)
_NEXTEST_COUNT = re.compile(r"(\d+) (passed|failed|skipped)")
_NEXTEST_FAILED = re.compile(r"^ +FAIL \[ *[\d.]+s\] (?:\(\d+/\d+\) )?(.+)$", re.MULTILINE)


def cargo(text: str) -> Counts | None:
    results = [Counts(int(one[1]), int(one[2]), 0, int(one[3])) for one in _RESULT.finditer(text)]
    if not results:
        return None
    return sum(results, Counts(failures=tuple(Failure(one[1]) for one in _FAILED.finditer(text))))


def nextest(text: str) -> Counts | None:
    found = _NEXTEST.search(text)
    if found is None:
        return None
    numbers = {word: int(number) for number, word in _NEXTEST_COUNT.findall(found[1])}
    names = dict.fromkeys(one[1] for one in _NEXTEST_FAILED.finditer(text))
    return Counts.of(numbers, map(Failure, names))


READERS = (cargo, nextest)
