from __future__ import annotations

from pathlib import Path

import pytest

from agents.test_runs.run import Base, Check
from agents.tester import check_commit
from agents.worktrees.workspace import local
from state.config import Sandbox, Test
from state.records import Tests
from state.store import Store
from tests.conftest import Repo

REPORT = '<testsuite tests="3" failures="{failed}"><testcase name="a"/><testcase name="b">{bad}</testcase></testsuite>'

NO_WALLS = Sandbox(mode="none")  # the commands here count their runs in a file outside


def verdict(store: Store, tmp_path: Path, config: Test, acceptance: list[str] | None = None) -> Tests:
    workspace = local(store)
    commit = workspace.repository.resolve("main")
    assert commit is not None
    return check_commit(
        Check(workspace, commit, acceptance or [], config, tmp_path, "tester-1", walls=NO_WALLS)
    )


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


FAILING = "printf 'FAILED a.py::{name}\\n1 failed, 1 passed in 0.1s\\n'; exit 1"


def on_base(
    store: Store, tmp_path: Path, config: Test, commit: str, acceptance: list[str] | None = None
) -> Tests:
    """A verdict on a commit whose work started from `main`."""
    workspace = local(store)
    started = workspace.repository.resolve("main")
    assert started is not None
    return check_commit(
        Check(
            workspace,
            commit,
            acceptance or [],
            config,
            tmp_path,
            "t",
            walls=NO_WALLS,
            base=Base(started, "main", "1-aaaaaaaa"),
        )
    )


def branched(repo: Repo, files: dict[str, str]) -> str:
    repo.git("checkout", "-q", "-b", "work")
    commit = repo.commit(files)
    repo.git("checkout", "-q", "main")
    return commit


def test_a_failure_that_the_base_has_too_is_not_blamed_on_the_task(
    repo: Repo, store: Store, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    config = Test(command=f"echo x >>{runs}; {FAILING.format(name='old')}")
    for content in ("x\n", "y\n"):
        repo.git("branch", "-qf", "work")
        repo.git("branch", "-qD", "work")
        done = on_base(store, tmp_path, config, branched(repo, {"new.txt": content}))
        assert (done.verdict, done.base_failures) == ("passed", ["a.py::old"])
        assert (done.passed, done.failed) == (1, 1)
    assert runs.read_text() == "x\nx\nx\n", "the base is run once for both"


def test_a_new_failure_is_blamed_by_its_name(repo: Repo, store: Store, tmp_path: Path) -> None:
    old, new = FAILING.format(name="old"), FAILING.format(name="new")
    config = Test(command=f"if test -e new.txt; then {new}; else {old}; fi")
    done = on_base(store, tmp_path, config, branched(repo, {"new.txt": "x\n"}))
    assert (done.verdict, done.failures, done.base_failures) == ("failed", ["a.py::new"], [])


def test_without_names_the_command_is_compared(repo: Repo, store: Store, tmp_path: Path) -> None:
    commit = branched(repo, {"new.txt": "x\n"})
    done = on_base(store, tmp_path, Test(command="exit 3"), commit)
    assert (done.verdict, done.base_failures) == ("passed", ["exit 3"])
    other = Test(command="test -e new.txt && exit 4; exit 3")
    assert on_base(store, tmp_path, other, commit).verdict == "failed"
    green = Test(command="! test -e new.txt")
    assert on_base(store, tmp_path, green, commit).verdict == "failed"


def test_acceptance_is_never_excused(repo: Repo, store: Store, tmp_path: Path) -> None:
    """The base fails it, too: that is why the task is there."""
    done = on_base(store, tmp_path, Test(command="true"), branched(repo, {"new.txt": "x\n"}), ["exit 3"])
    assert done.verdict == "failed"


def test_green_work_never_runs_the_base(repo: Repo, store: Store, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    on_base(store, tmp_path, Test(command=f"echo x >>{runs}"), branched(repo, {"new.txt": "x\n"}))
    assert runs.read_text() == "x\n"


def test_what_fails_once_only_is_recorded_as_flaky(store: Store, tmp_path: Path) -> None:
    counter, failing = tmp_path / "runs", FAILING.format(name="odd")
    command = f"echo x >>{counter}; test $(wc -l <{counter}) -gt 1 || {{ {failing}; }}"
    done = verdict(store, tmp_path, Test(command=command))
    assert (done.verdict, done.flaky, done.failures) == ("passed", ["a.py::odd"], [])


@pytest.mark.parametrize(
    "output", ["Ran 0 tests in 0.000s\n\nOK", "  0 passing (2ms)", "No tests found, exiting with code 0"]
)
def test_a_runner_that_says_that_no_test_ran_is_not_green(store: Store, tmp_path: Path, output: str) -> None:
    done = verdict(store, tmp_path, Test(command=f"printf '{output}\n'"))
    assert (done.verdict, done.passed) == ("failed", 0)
    assert "no test passed" in done.output


def test_printed_failures_beat_exit_code_0(store: Store, tmp_path: Path) -> None:
    done = verdict(store, tmp_path, Test(command=f"({FAILING.format(name='x')}) || true"))
    assert (done.verdict, done.failed, done.failures) == ("failed", 1, ["a.py::x"])


def test_an_output_that_no_reader_knows_is_judged_by_its_exit_code(store: Store, tmp_path: Path) -> None:
    done = verdict(store, tmp_path, Test(command="echo all is well"))
    assert (done.verdict, done.passed, done.failed) == ("passed", None, None)
