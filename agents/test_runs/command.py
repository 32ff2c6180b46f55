"""Finds the command that runs a repository's tests, from the files it has."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable
from pathlib import PurePosixPath

from agents.test_runs.unittest_command import unittest_commands

Read = Callable[[str], bytes | None]

PYTEST = 'python3 -m pytest -q --junitxml="$REFACTORY_JUNIT"'
SNIFFED = 100

_VENDORED = {"node_modules", "vendor", "third_party", "site-packages", "venv", "build", "dist"}
_TEST_FILE = re.compile(r"(test_.*|test|tests|.*_test)\.py")
_USES_PYTEST = re.compile(rb"^(?:import pytest|from pytest|(?:async )?def test_)", re.MULTILINE)
_USES_UNITTEST = re.compile(rb"^[ \t]*(?:import|from)[ \t]+unittest\b", re.MULTILINE)
_NAMES_PYTEST = re.compile(rb"^[ \t\"'-]*pytest(?!\w)", re.MULTILINE)
_TARGETS = re.compile(rb"^([\w./-][\w./ \t-]*+)::?+(?!=)", re.MULTILINE)
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun run", "bun.lockb": "bun run"}


def detect(read: Read, names: Collection[str]) -> str | None:
    """The shell command, run in the repository's root; None if nothing says how it is tested.

    `names` are all paths in the tree. Commands that can write a JUnit report write it to $REFACTORY_JUNIT.
    """
    names = frozenset(names)
    return (
        _python(read, names)
        or _node(read, names)
        or ("cargo test" if "Cargo.toml" in names else None)
        or ("go test -v ./..." if "go.mod" in names else None)
        or _make(read, names)
    )


def _python(read: Read, names: frozenset[str]) -> str | None:
    tests = [name for name in _own(names) if _TEST_FILE.fullmatch(PurePosixPath(name).name)]
    sources = {name: read(name) or b"" for name in tests[:SNIFFED]}
    if _uses_pytest(read, names, sources):
        commands = [PYTEST]
    else:
        cases = [name for name, source in sources.items() if _USES_UNITTEST.search(source)]
        commands = unittest_commands(cases, names)
    # Without it, an installed or editable package would be tested: the code of another checkout.
    path = "PYTHONPATH=src " if _has_src_layout(names) else ""
    return " && ".join(path + command for command in commands) or None


def _uses_pytest(read: Read, names: frozenset[str], sources: dict[str, bytes]) -> bool:
    if _configures_pytest(read, names) or any(map(_USES_PYTEST.search, sources.values())):
        return True
    return bool(sources) and _requires_pytest(read, names)


def _own(names: Iterable[str]) -> list[str]:
    """The files that are the repository's own, in a fixed order."""
    parts = ((name, name.split("/")[:-1]) for name in sorted(names))
    return [
        name
        for name, folders in parts
        if not any(folder in _VENDORED or folder.startswith(".") for folder in folders)
    ]


def _has_src_layout(names: frozenset[str]) -> bool:
    return "src/__init__.py" not in names and any(
        re.fullmatch(r"src/[^/]+(/__init__)?\.py", n) for n in names
    )


def _configures_pytest(read: Read, names: frozenset[str]) -> bool:
    if names & {"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"}:
        return True
    if any(PurePosixPath(name).name == "conftest.py" for name in _own(names)):
        return True
    sections = {"tox.ini": rb"^\[pytest\]", "setup.cfg": rb"^\[tool:pytest\]"}
    if any(
        re.search(section, _content(read, names, file), re.MULTILINE) for file, section in sections.items()
    ):
        return True
    return "pytest" in _table(_pyproject(read, names).get("tool"))


def _requires_pytest(read: Read, names: frozenset[str]) -> bool:
    """Named as a dependency, in pyproject.toml or a requirements file."""
    project = _pyproject(read, names)
    sections = [project.get("project"), project.get("dependency-groups"), project.get("tool")]
    declared = "\n".join(_strings(sections)).encode("utf-8", "replace")
    files = [name for name in names if re.fullmatch(r"[\w-]*requirements[\w-]*\.(txt|in)", name)]
    return any(map(_NAMES_PYTEST.search, [declared, *(read(name) or b"" for name in sorted(files))]))


def _strings(value: object) -> Iterable[str]:
    """All keys and texts: a dependency is either, by the tool that declares it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _strings(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _pyproject(read: Read, names: frozenset[str]) -> dict[str, object]:
    try:
        return tomllib.loads(_content(read, names, "pyproject.toml").decode())
    except (ValueError, RecursionError):
        return {}


def _node(read: Read, names: frozenset[str]) -> str | None:
    try:
        package = json.loads(_content(read, names, "package.json") or b"{}")
    except (ValueError, RecursionError):
        return None
    script = _table(_table(package).get("scripts")).get("test")
    if not isinstance(script, str) or not script.strip() or "no test specified" in script:
        return None
    return next((f"{tool} test" for lock, tool in _LOCKS.items() if lock in names), "npm test")


def _make(read: Read, names: frozenset[str]) -> str | None:
    """The makefile is the one that make would take."""
    file = next((name for name in ("GNUmakefile", "makefile", "Makefile") if name in names), None)
    if file is None:
        return None
    targets = {target for line in _TARGETS.findall(read(file) or b"") for target in line.split()}
    return next((f"make {target}" for target in ("test", "check") if target.encode() in targets), None)


def _content(read: Read, names: frozenset[str], name: str) -> bytes:
    return (read(name) or b"") if name in names else b""


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
