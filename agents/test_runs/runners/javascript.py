"""jest, vitest, mocha, and node's own runner."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from agents.test_runs.counts import Counts, Failure
from agents.test_runs.runners.words import counted

_NONE_FOUND = re.compile(r"^No test(?: file)?s found, exiting with code \d+", re.MULTILINE)

_JEST = re.compile(r"^Tests: +(\d.*)$", re.MULTILINE)
_JEST_NAME = re.compile(r"^(?:FAIL (\S+)|  ● (.+))", re.MULTILINE)
_BROKEN = "Test suite failed to run"

_VITEST = re.compile(r"^ *Tests {2}(?:no tests|(\d.*?)(?: \(\d+\))?)$", re.MULTILINE)
_VITEST_NAME = re.compile(r"^ FAIL  (\S.*)$", re.MULTILINE)

_MOCHA = re.compile(r"^  (\d+) (passing|pending|failing)(?: \(.*\))?$", re.MULTILINE)
_MOCHA_NAME = re.compile(r"^  \d+\) (.+(?:\n {5,}\S.*)*?):$", re.MULTILINE)
_MOCHA_WORDS = {"passing": "passed", "pending": "skipped", "failing": "failed"}

_NODE = re.compile(r"^(?:#|\u2139) (pass|fail|cancelled|skipped|todo) (\d+)$", re.MULTILINE)
_NODE_WORDS = {"pass": "passed", "fail": "failed", "cancelled": "errors", "todo": "skipped"}
_NOT_OK = re.compile(r" *not ok \d+ - (.+?)(?: # .*)?")
_SPEC_NAME = re.compile(r"^test at (\S+?)(?::\d+:\d+)?\n✖ (.+?)(?: \([\d.]+ms\))?$", re.MULTILINE)


def jest(text: str) -> Counts | None:
    found = list(_JEST.finditer(text))
    if not found:
        return None
    names, broken = _jest_names(text)
    total: Counter[str] = Counter()
    for summary in found:
        total.update(counted(summary[1]) or {})
    return Counts.of(total) + Counts(errors=len(broken), failures=tuple(map(Failure, names + broken)))


def _jest_names(text: str) -> tuple[list[str], list[str]]:
    """Failed tests, and files that could not be loaded: those are in no count. Long runs tell each twice."""
    names: dict[str, bool] = {}
    file = ""
    for found in _JEST_NAME.finditer(text):
        file = found[1] or file
        if found[2] == _BROKEN:
            names[file] = True
        elif found[2] and found[2] != "Console":
            names[" > ".join([file, *found[2].split(" \u203a ")])] = False
    return [name for name in names if not names[name]], [name for name in names if names[name]]


def vitest(text: str) -> Counts | None:
    found = list(_VITEST.finditer(text))
    if not found:
        return None
    total: Counter[str] = Counter()
    for summary in found:
        total.update(counted(summary[1] or "", " | ") or {})
    names = list(dict.fromkeys(name[1] for name in _VITEST_NAME.finditer(text)))
    broken = [name for name in names if " > " not in name]
    return Counts.of(total) + Counts(errors=len(broken), failures=tuple(map(Failure, names)))


def mocha(text: str) -> Counts | None:
    found = list(_MOCHA.finditer(text))
    if not found:
        return None
    total: Counter[str] = Counter()
    for number in found:
        total[_MOCHA_WORDS[number[2]]] += int(number[1])
    names = (name[1].split("\n") for name in _MOCHA_NAME.finditer(text, found[-1].end()))
    return Counts.of(total, (Failure(" > ".join(map(str.strip, parts))) for parts in names))


def node(text: str) -> Counts | None:
    """In TAP, or as `spec` shows it. A suite whose tests fail is named there as a failure, and is none of its own."""
    found = list(_NODE.finditer(text))
    if not any(number[1] == "pass" for number in found):
        return None
    total: Counter[str] = Counter()
    for number in found:
        total[_NODE_WORDS.get(number[1], number[1])] += int(number[2])
    names = [*_tap_names(text), *(f"{name[1]} > {name[2]}" for name in _SPEC_NAME.finditer(text))]
    return Counts.of(total, map(Failure, names))


def _tap_names(text: str) -> Iterator[str]:
    name = ""
    for line in text.split("\n"):
        if found := _NOT_OK.fullmatch(line):
            name = found[1]
        elif name and "failureType: " in line:
            if "subtestsFailed" not in line:
                yield name
            name = ""


def nothing_found(text: str) -> Counts | None:
    """jest and vitest, where they were told to take that for a success."""
    return Counts() if _NONE_FOUND.search(text) else None


READERS = (jest, vitest, mocha, node, nothing_found)
