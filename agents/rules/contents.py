"""Rules on what a change is about: its scope, its test run, and what is in its lines and files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.edits.tree.paths import in_scope
from agents.git.diff import changes
from agents.rules.change import Change, Rule
from state.records import Finding
from state.secrets import kind

_MARKER = re.compile(r"^(<{7} |>{7} |\|{7} |={7}$)")
_OPEN_END = re.compile(r"\b(TODO|FIXME|XXX)\b")


def scope(change: Change) -> Iterator[Finding]:
    for path in change.git.changed_paths(change.base, change.commit):
        if not in_scope(path, change.task.scope):
            yield change.finding("scope", "error", f"is outside the task's scope {change.task.scope}", path)


def protected(change: Change) -> Iterator[Finding]:
    """The coder refuses these; a commit that was made elsewhere comes past it."""
    for path in change.git.changed_paths(change.base, change.commit) if change.protect else ():
        if in_scope(path, change.protect):
            yield change.finding("protected", "error", "is protected by the configuration", path)


def tested(change: Change) -> Iterator[Finding]:
    tests = change.pull.tests if change.pull else None
    if tests is None or tests.verdict != "passed":
        yield change.finding("tested", "error", "no passing test run is recorded for this commit")
    elif not tests.commands:
        yield change.finding("tested", "warning", "no test ran: the configuration does not require one")
    elif tests.base_failures:
        failed = ", ".join(tests.base_failures[:5])
        yield change.finding("tested", "warning", f"fails, as it does on the base already: {failed}")
    elif tests.flaky:
        flaky = ", ".join(tests.flaky[:5])
        yield change.finding("flaky", "note", f"failed in one of two runs of this commit: {flaky}")


def conflict_markers(change: Change) -> Iterator[Finding]:
    for line in change.delta.added:
        if _MARKER.match(line.text) and not line.path.endswith((".md", ".rst")):
            yield change.finding("conflict-marker", "error", "a conflict marker", line.path, line.number)


def secrets(change: Change) -> Iterator[Finding]:
    """The secret itself is not repeated: findings are committed."""
    for line in change.delta.added:
        if what := kind(line.text):
            yield change.finding("secret", "error", f"looks like {what}", line.path, line.number)


def large_files(change: Change) -> Iterator[Finding]:
    options = ("-r", "-z", "--no-renames", "--ignore-submodules=none", "--diff-filter=AM")
    out = change.git.raw("diff-tree", *options, change.base, change.commit)
    parts = out.decode("utf-8", "surrogateescape").rstrip("\0").split("\0")
    for entry, path in zip(parts[::2], parts[1::2], strict=False):
        oid = entry.split(" ")[3]
        size = 0 if entry.split(" ")[1] == "160000" else int(change.git.run("cat-file", "-s", oid))
        if size > change.config.max_file_bytes:
            yield change.finding("large-file", "error", f"has {size} bytes", path)


def binary_files(change: Change) -> Iterator[Finding]:
    for changed in changes(change.git, change.base, change.commit):
        if changed.added == "-":
            yield change.finding(
                "binary-file", "warning", "is binary: nobody can review it here", changed.path
            )


def newly_ignored(change: Change) -> Iterator[Finding]:
    for path in change.pull.ignored if change.pull else ():
        yield change.finding("newly-ignored", "note", "is left out, by a rule that this change adds", path)


def open_ends(change: Change) -> Iterator[Finding]:
    for line in change.delta.added:
        if found := _OPEN_END.search(line.text):
            yield change.finding("open-end", "note", f"leaves a {found[1]}", line.path, line.number)


RULES: tuple[Rule, ...] = (
    scope,
    protected,
    tested,
    conflict_markers,
    secrets,
    large_files,
    binary_files,
    newly_ignored,
    open_ends,
)
