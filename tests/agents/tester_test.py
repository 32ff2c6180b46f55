from __future__ import annotations

from pathlib import Path

import pytest

from agents.tester import Job, check_commit
from agents.workspace import local
from state.config import Test
from state.records import Tests
from state.store import Store
from tests.conftest import Repo

REPORT = '<testsuite tests="3" failures="{failed}"><testcase name="a"/><testcase name="b">{bad}</testcase></testsuite>'


def verdict(store: Store, tmp_path: Path, config: Test, acceptance: list[str] | None = None) -> Tests:
    workspace = local(store)
    commit = workspace.repository.resolve("main")
    assert commit is not None
    return check_commit(Job(workspace, commit, acceptance or [], config, tmp_path, "tester-1"))


def test_the_repository_s_own_tests_are_found_and_run(store: Store, tmp_path: Path) -> None:
    done = verdict(store, tmp_path, Test())
    assert done.verdict == "passed"
    assert len(done.commands) == 1
    assert "unittest" in done.commands[0]


def test_acceptance_comes_first_and_must_pass(store: Store, tmp_path: Path) -> None:
    done = verdict(store, tmp_path, Test(command="true"), ["test -e calc.py", "echo wanted; false"])
    assert (done.verdict, done.commands) == ("failed", ["test -e calc.py", "echo wanted; false", "true"])
    assert "wanted" in done.output
    assert "exit code 1" in done.output


def test_junit_counts_are_recorded(store: Store, tmp_path: Path) -> None:
    xml = REPORT.format(failed=0, bad="<skipped/>")
    done = verdict(store, tmp_path, Test(command=f"echo '{xml}' >\"$REFACTORY_JUNIT\""))
    assert (done.verdict, done.passed, done.failed, done.skipped) == ("passed", 1, 0, 1)


def test_a_report_of_failures_beats_exit_code_0(store: Store, tmp_path: Path) -> None:
    xml = REPORT.format(failed=1, bad="<failure/>")
    done = verdict(store, tmp_path, Test(command=f"echo '{xml}' >report.xml", junit="report.xml"))
    assert (done.verdict, done.failed) == ("failed", 1)


def test_no_test_that_ran_is_not_green(store: Store, tmp_path: Path) -> None:
    xml = '<testsuite tests="0"></testsuite>'
    assert verdict(store, tmp_path, Test(command=f"echo '{xml}' >\"$REFACTORY_JUNIT\"")).verdict == "failed"


def test_without_any_command_it_fails_unless_configured(repo: Repo, store: Store, tmp_path: Path) -> None:
    repo.git("rm", "-rq", "tests")
    repo.git("commit", "-qm", "no tests")
    assert verdict(store, tmp_path, Test()).verdict == "failed"
    done = verdict(store, tmp_path, Test(required=False))
    assert (done.verdict, done.commands) == ("passed", [])
    assert "no test ran" in done.output


def test_a_failure_is_repeated_once_before_it_is_believed(store: Store, tmp_path: Path) -> None:
    counter = tmp_path / "runs"
    done = verdict(store, tmp_path, Test(command=f"echo x >>{counter}; test $(wc -l <{counter}) -gt 1"))
    assert done.verdict == "passed"
    assert counter.read_text() == "x\nx\n"


def test_over_its_limit_it_is_ended_and_red(store: Store, tmp_path: Path) -> None:
    done = verdict(store, tmp_path, Test(command="sleep 60", seconds=0.3))
    assert done.verdict == "failed"
    assert "limit" in done.output


def test_each_run_starts_from_a_clean_checkout(repo: Repo, store: Store, tmp_path: Path) -> None:
    command = "test ! -e left && grep -q 'a + b' calc.py && touch left && echo broken >calc.py"
    assert verdict(store, tmp_path, Test(command=command)).verdict == "passed"
    assert verdict(store, tmp_path, Test(command=command)).verdict == "passed"
    assert "a + b" in (repo.path / "calc.py").read_text()


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "GITHUB_TOKEN"])
def test_secrets_do_not_reach_tests(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "canary")
    done = verdict(store, tmp_path, Test(command=f'test -z "${name}"'))
    assert done.verdict == "passed"
    allowed = verdict(store, tmp_path, Test(command=f'test "${name}" = canary', pass_env=[name]))
    assert allowed.verdict == "passed"
