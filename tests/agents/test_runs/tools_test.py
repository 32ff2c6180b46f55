"""What can't even start is known before a model is paid."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.test_runs.tools import check_tools
from state.errors import UsageError
from tests.conftest import Refactory, Repo


@pytest.fixture
def bare_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In PATH before all others; it answers as one without pytest would."""
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\ncase $4 in pytest) exit 3;; esac\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{python.parent}:/usr/bin:/bin")
    return python


@pytest.mark.parametrize(
    "command", ["no-such-runner --all", "A=1 B='2 3' no-such-runner && true", "no-such-runner; true"]
)
def test_a_program_that_is_not_here(command: str) -> None:
    with pytest.raises(UsageError, match="there is no program no-such-runner"):
        check_tools(command, [])


@pytest.mark.usefixtures("bare_python")
@pytest.mark.parametrize(
    "command",
    [
        "",
        "true",
        "cd sub && no-such-runner",
        "if true; then no-such-runner; fi",
        "./run-tests",
        "PATH=tools:$PATH no-such-runner",
        "$RUNNER tests",
        "echo 'not closed",
        "python3 -m tests",
        "python3 -m",
        "python3 run.py",
    ],
)
def test_what_may_be_there_is_not_refused(command: str) -> None:
    check_tools(command, [])


def test_a_python_without_pytest_is_named(bare_python: Path) -> None:
    with pytest.raises(UsageError, match=f"{bare_python} has no module pytest"):
        check_tools('PYTHONPATH=src python3 -m pytest -q --junitxml="$REFACTORY_JUNIT"', [])


@pytest.mark.usefixtures("bare_python")
def test_doctor_and_run_say_so_and_nothing_is_recorded(repo: Repo, refactory: Refactory) -> None:
    repo.commit({"tests/test_more.py": "def test_more():\n    pass\n"})
    assert "\ntest: the tests (`python3 -m pytest" in "\n" + refactory.run("doctor").out
    done = refactory.run("run", "--title", "T")
    assert (done.code, "has no module pytest" in done.err) == (2, True)
    assert not list((repo.path / ".refactory").glob("requests/*.yaml"))
