"""What a command must not import to start: time that every call in a script would pay."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import PROGRAM, Refactory

HEAVY = {"aiohttp", "asyncio", "git", "jsonschema", "openai", "pydantic", "rich", "tenacity", "yaml"}
LOCKS = {"filelock"}

READ_ONLY = [
    ["--help"],
    ["--version"],
    ["task:inspect", "1"],
    ["tasks:list"],
    ["tasks:list", "--state", "pending", "--json"],
    ["plan:status", "1"],
    ["plan:list"],
    ["request:show", "1"],
    ["request:list", "--json"],
    ["orchestration:show", "1"],
    ["status"],
    ["token:show", "--help"],
    ["serve", "--help"],
    ["run", "--help"],
    ["agent:coder", "--help"],
]
WRITING = [["request:create", "--title", "T"], ["task:cancel", "2"], ["orchestrate", "--help"]]


@pytest.fixture
def planned(refactory: Refactory, scripted: Any) -> Refactory:
    """A plan of two tasks, orchestrated; the configuration is one that people edited."""
    scripted()
    refactory.ok("run", "--title", "T", "--from", "-", "--until", "plan", input="## One\n\n## Two\n")
    refactory.ok("orchestrate", "1")
    return refactory


def imported(refactory: Refactory, args: list[str]) -> set[str]:
    """The top-level modules that the command imported, by Python's own account."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(PROGRAM), *args],
        cwd=refactory.folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split("|") for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line[2].strip().partition(".")[0] for line in lines if len(line) == 3}


@pytest.mark.parametrize("args", READ_ONLY, ids=" ".join)
def test_reading_imports_little_and_locks_nothing(planned: Refactory, args: list[str]) -> None:
    found = imported(planned, args)
    assert "click" in found, "the account of imports was read"
    assert not found & (HEAVY | LOCKS)


@pytest.mark.parametrize("args", WRITING, ids=" ".join)
def test_writing_a_record_imports_only_the_lock(planned: Refactory, args: list[str]) -> None:
    assert not imported(planned, args) & HEAVY


def test_help_imports_no_command(planned: Refactory) -> None:
    assert not imported(planned, ["--help"]) & {"agents", "commands", "msgspec"}
