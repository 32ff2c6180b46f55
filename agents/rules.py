"""The review rules that need no model. Each is a function from one task's change to findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agents.added_lines import Delta
from agents.edits.paths import in_scope
from agents.git import Repository, shown
from state.config import Reviewer
from state.records import Finding, Pull, Severity, Task

_SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "an API key": re.compile(
        r"\b(sk-[A-Za-z0-9_-]{20,}|ghp_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20,})"
    ),
    "a password": re.compile(
        r"""(?i)\b(password|passwd|secret|api_?key|token)\b["']?\s*[:=]\s*["'][^"'\s{}<>$]{8,}["']"""
    ),
}
_MARKER = re.compile(r"^(<{7} |>{7} |\|{7} |={7}$)")
_TEST_PATH = re.compile(r"(^|/)(tests?|spec|__tests__)/|(^|/)test_[^/]*$|[._](test|spec)\.[^/]+$")
_TEST = re.compile(r"^\s*(async )?def test_|^\s*(it|test)\s*\(|^func Test|#\[test\]")
_ASSERT = re.compile(r"\bassert|\bexpect\(|\.should\b|\bt\.(Error|Fatal)")
_SKIP = re.compile(r"\bskip(If|Unless|Test)?\b|\bxfail\b|\.only\(|\bxit\(|#\[ignore\]|t\.Skip\(")
_OPEN_END = re.compile(r"\b(TODO|FIXME|XXX)\b")


@dataclass(frozen=True)
class Change:
    """One task's own change: from the commit its work started on to its commit."""

    git: Repository
    task: Task
    pull: Pull | None
    base: str
    commit: str
    delta: Delta
    config: Reviewer


Rule = Callable[[Change], Iterator[Finding]]


def findings(change: Change) -> list[Finding]:
    return [finding for rule in RULES for finding in rule(change)]


def scope(change: Change) -> Iterator[Finding]:
    for path in change.git.changed_paths(change.base, change.commit):
        if not in_scope(path, change.task.scope):
            yield _finding(change, "scope", "error", f"is outside the task's scope {change.task.scope}", path)


def tested(change: Change) -> Iterator[Finding]:
    tests = change.pull.tests if change.pull else None
    if tests is None or tests.verdict != "passed":
        yield _finding(change, "tested", "error", "no passing test run is recorded for this commit")
    elif not tests.commands:
        yield _finding(change, "tested", "warning", "no test ran: the configuration does not require one")


def conflict_markers(change: Change) -> Iterator[Finding]:
    for line in change.delta.added:
        if _MARKER.match(line.text) and not line.path.endswith((".md", ".rst")):
            yield _finding(change, "conflict-marker", "error", "a conflict marker", line.path, line.number)


def secrets(change: Change) -> Iterator[Finding]:
    """The secret itself is not repeated: findings are committed."""
    for line in change.delta.added:
        for what, pattern in _SECRETS.items():
            if pattern.search(line.text):
                yield _finding(change, "secret", "error", f"looks like {what}", line.path, line.number)
                break


def large_files(change: Change) -> Iterator[Finding]:
    out = change.git.raw(
        "diff-tree", "-r", "-z", "--no-renames", "--diff-filter=AM", change.base, change.commit
    )
    parts = out.decode("utf-8", "surrogateescape").rstrip("\0").split("\0")
    for entry, path in zip(parts[::2], parts[1::2], strict=False):
        oid = entry.split(" ")[3]
        size = 0 if entry.split(" ")[1] == "160000" else int(change.git.run("cat-file", "-s", oid))
        if size > change.config.max_file_bytes:
            yield _finding(change, "large-file", "error", f"has {size} bytes", path)


def binary_files(change: Change) -> Iterator[Finding]:
    for row in change.git.run("diff-tree", "-r", "--numstat", change.base, change.commit).splitlines():
        added, _, path = row.split("\t", 2)
        if added == "-":
            yield _finding(change, "binary-file", "warning", "is binary: nobody can review it here", path)


def weakened_tests(change: Change) -> Iterator[Finding]:
    """Fewer tests or assertions than before, or tests now skipped."""
    for line in change.delta.added:
        if _TEST_PATH.search(line.path) and _SKIP.search(line.text):
            yield _finding(change, "skipped-test", "warning", "skips a test", line.path, line.number)
    for what, pattern in (("tests", _TEST), ("assertions", _ASSERT)):
        yield from _fewer(change, what, pattern)


def _fewer(change: Change, what: str, pattern: re.Pattern[str]) -> Iterator[Finding]:
    balance: dict[str, int] = {}
    for lines, weight in ((change.delta.added, 1), (change.delta.removed, -1)):
        for line in lines:
            if _TEST_PATH.search(line.path) and pattern.search(line.text):
                balance[line.path] = balance.get(line.path, 0) + weight
    for path, count in balance.items():
        if count < 0:
            yield _finding(
                change, "weakened-tests", "warning", f"has {-count} fewer {what} than before", path
            )


def newly_ignored(change: Change) -> Iterator[Finding]:
    for path in change.pull.ignored if change.pull else ():
        yield _finding(change, "newly-ignored", "note", "is left out, by a rule that this change adds", path)


def open_ends(change: Change) -> Iterator[Finding]:
    for line in change.delta.added:
        if found := _OPEN_END.search(line.text):
            yield _finding(change, "open-end", "note", f"leaves a {found[1]}", line.path, line.number)


RULES: tuple[Rule, ...] = (
    scope,
    tested,
    conflict_markers,
    secrets,
    large_files,
    binary_files,
    weakened_tests,
    newly_ignored,
    open_ends,
)


def _finding(
    change: Change,
    rule: str,
    severity: Severity,
    message: str,
    file: str | None = None,
    line: int | None = None,
) -> Finding:
    file = file and shown(file)
    return Finding(rule=rule, severity=severity, message=message, file=file, line=line, task=change.task.key)
