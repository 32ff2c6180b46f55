"""What a JUnit XML report says. The tests that write it are untrusted, and so is the file.

Counting needs no tree, so the standard library's expat is enough: document types, and with them every
entity, are refused; size, depth and what is kept are bounded.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from agents.test_runs.counts import Counts, Failure
from agents.worktrees.file_tree import walk

MAX_BYTES = 16 * 1024 * 1024
MAX_FILES = 2000
MAX_DEPTH = 100
MAX_FAILURES = 2000
MAX_MESSAGES = 50  # the failures after that are only named
MAX_NAME = 300
MAX_MESSAGE = 4000

_SKIPPED = {"notrun", "disabled", "skipped"}
_SUITES = {"testsuite", "testsuites"}


class _Refused(Exception):
    """Not a report, or not one that we read."""


def read(path: Path) -> Counts | None:
    """Count a report or all reports (*.xml) in a folder and below; None if there is none.

    In a folder, XML of another kind is passed over.
    """
    single = not path.is_dir()
    if single and not os.path.lexists(path):
        return None
    found: list[_Report] = []
    unreadable: list[str] = []
    for file in [path] if single else _files(path):
        try:
            report = _parse(_content(file))
            if report.is_junit:
                found.append(report)
            elif single:
                raise _Refused("no JUnit report")
        except (_Refused, OSError, expat.ExpatError, ValueError, LookupError) as error:
            unreadable.append(f"{file.name}: {error}"[:MAX_NAME])
    return _sum(found, unreadable) if found or unreadable else None


def _files(folder: Path) -> Iterator[Path]:
    """In a fixed order; links to folders are not followed."""
    number = 0
    for parent, folders, names in walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(".xml"):
                number += 1
                if number > MAX_FILES:
                    return
                yield Path(parent, name)


def _content(file: Path) -> bytes:
    """Of a regular file only: a link could lead out of the sandbox, a FIFO would never end."""
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _Refused("not a regular file")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _Refused(f"larger than {MAX_BYTES} bytes")
    return data


def _parse(data: bytes) -> _Report:
    report = _Report()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = report.start
    parser.EndElementHandler = report.end
    parser.CharacterDataHandler = report.text
    # In one piece: expat before 2.6 scans a long token again with every further piece.
    parser.Parse(data, True)
    return report


def _refuse_doctype(*_: object) -> None:
    raise _Refused("document types are not read")


def _sum(reports: list[_Report], unreadable: list[str]) -> Counts:
    total = Counter[str]()
    for report in reports:
        total.update(report.counts)
    failures = [failure for report in reports for failure in report.failures]
    return Counts(
        total["passed"],
        total["failure"],
        total["error"],
        total["skipped"],
        tuple(failures[:MAX_FAILURES]),
        tuple(unreadable[:MAX_FAILURES]),
    )


@dataclass
class _Report:
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    is_junit: bool = False
    depth: int = 0
    suites: list[tuple[int, int]] = field(default_factory=list)
    case: str | None = None
    outcome: str = ""
    message: list[str] | None = None
    room: int = 0

    def start(self, tag: str, given: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Refused("nested too deeply")
        if self.depth == 1:
            self.is_junit = tag in _SUITES or tag == "testcase"
        if tag in _SUITES:
            self.suites.append((_stated(given), self._bad()))
        elif tag == "testcase":
            self._start_case(given)
        elif tag in {"failure", "error"}:
            self.outcome = "error" if "error" in (tag, self.outcome) else tag
            self.message, self.room = [], MAX_MESSAGE
            self.text(given.get("message", "") + "\n")
        elif tag == "skipped" and self.case is not None:
            self.outcome = self.outcome or tag

    def _start_case(self, given: dict[str, str]) -> None:
        if self.case is not None or self.message is not None:
            raise _Refused("a test inside a test")
        place = given.get("classname") or given.get("file") or ""
        self.case = f"{place}::{given.get('name', '')}".removeprefix("::")[:MAX_NAME]
        states = {given.get("status", "").lower(), given.get("result", "").lower()}
        self.outcome = "skipped" if states & _SKIPPED else ""

    def text(self, data: str) -> None:
        if self.message is not None and self.room > 0:
            self.message.append(data[: self.room])
            self.room -= len(data)

    def end(self, tag: str) -> None:
        self.depth -= 1
        if tag in {"failure", "error"} and self.message is not None:
            self._keep("".join(self.message).strip())
            self.message = None
            if self.case is None:
                self._count()
        elif tag == "testcase" and self.case is not None:
            self._count()
            self.case = None
        elif tag in _SUITES:
            self._compare(*self.suites.pop())

    def _keep(self, message: str) -> None:
        if len(self.failures) < MAX_FAILURES:
            told = message if len(self.failures) < MAX_MESSAGES else ""
            self.failures.append(Failure(self.case or "(outside a test)", told))

    def _count(self) -> None:
        self.counts[self.outcome or "passed"] += 1
        self.outcome = ""

    def _bad(self) -> int:
        return self.counts["failure"] + self.counts["error"]

    def _compare(self, stated: int, before: int) -> None:
        """A suite that states more failures than it shows, as where a file failed to load, is believed."""
        if (missing := stated - (self._bad() - before)) > 0:
            self.counts["error"] += missing
            self._keep(f"the suite states {missing} more failures than it shows")


def _stated(given: dict[str, str]) -> int:
    values = [given.get(name, "0").strip() for name in ("failures", "errors")]
    return sum(int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 10)
