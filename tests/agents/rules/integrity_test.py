"""What makes tests or CI weaker is found; what makes them stronger, or only moves them, is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from agents.git.repository import Repository
from agents.rules import Change, findings
from agents.rules.added_lines import delta
from state.config import Reviewer
from state.records import Finding, Pull, Task, Tests
from tests.conftest import Repo

Files = Mapping[str, str]
TWO = "def test_a():\n    assert add(1, 2) == 3\n\n\ndef test_b():\n    assert add(2, 2) == 4\n"
GREEN = Tests(verdict="passed", commands=["true"], passed=1)


@pytest.fixture
def found(repo: Repo) -> Callable[..., list[Finding]]:
    """`found(before, after)`: what the rules say of a change; a file that is not in `after` was deleted."""

    def judge(
        before: Files, after: Files, tests: Tests = GREEN, protect: tuple[str, ...] = ()
    ) -> list[Finding]:
        old = repo.commit(before) if before else repo.git("rev-parse", "HEAD")
        for path in before.keys() - after.keys():
            repo.git("rm", "-q", path)
        new = repo.commit({"z.txt": "z\n", **after})
        git = Repository(repo.path / ".git")
        task = Task(key="1-aaaaaaaa", plan="1-aaaaaaaa", title="T")
        pull = Pull(key="1-aaaaaaaa", task=task.key, agent="a", attempt=1, commit=new, tests=tests)
        change = Change(git, task, pull, old, new, delta(git, old, new), Reviewer(), protect)
        return findings(change)

    return judge


def weaker(path: str, before: str, after: str) -> tuple[Files, Files]:
    return {path: f"{before}\n"}, {path: f"{after}\n"}


@pytest.mark.parametrize(
    ("path", "before", "after", "rule"),
    [
        ("tests/test_a.py", TWO, TWO[: TWO.index("\n\n\ndef")], "weakened-tests"),
        ("tests/test_a.py", TWO, TWO.replace("    assert add(2, 2) == 4", "    add(2, 2)"), "weakened-tests"),
        ("tests/test_a.py", TWO, "import pytest\n\n\n@pytest.mark.skip\n" + TWO, "skipped-test"),
        ("tests/test_a.py", TWO, "import pytest\npytestmark = pytest.mark.xfail\n" + TWO, "skipped-test"),
        ("a.test.js", "it('a', f);", "it.skip('a', f);", "skipped-test"),
        ("a.test.js", "it('a', f);", "it.only('a', f);", "skipped-test"),
        ("a_test.go", "func TestA(t *testing.T) {", "func TestA(t *testing.T) { t.Skip() }", "skipped-test"),
        ("src/lib.rs", "#[test]", "#[test]\n#[ignore]", "skipped-test"),
        ("tests/test_a.py", TWO, TWO.replace("add(1, 2) == 3", "True"), "empty-assertion"),
        ("tests/test_a.py", TWO, TWO.replace("add(1, 2) == 3", "x == x"), "empty-assertion"),
        ("a.test.js", "expect(f()).toBe(1)", "expect(true).toBe(true)", "empty-assertion"),
        ("tests/test_a.py", TWO, TWO.replace("add(1, 2) == 3", "add(1, 2) in (3, 4)"), "weaker-assertion"),
        ("tests/test_a.py", TWO, TWO.replace(" == 3", " is not None"), "weaker-assertion"),
        (
            "tests/test_a.py",
            TWO,
            TWO.replace("add(1, 2) == 3", "isinstance(add(1, 2), int)"),
            "weaker-assertion",
        ),
        ("tests/test_a.py", TWO, TWO.replace("== 3", "== pytest.approx(3, abs=1)"), "weaker-assertion"),
        ("tests/test_a.py", "self.assertEqual(f(1, 2), 3)", "self.assertTrue(f(1, 2))", "weaker-assertion"),
        ("a.test.js", "expect(f(1)).toEqual(2);", "expect(f(1)).toBeDefined();", "weaker-assertion"),
        (
            "tests/test_a.py",
            "with pytest.raises(KeyError):",
            "with pytest.raises(Exception):",
            "weaker-assertion",
        ),
        ("tests/test_a.py", TWO, TWO.replace("== 3", "== 4"), "changed-expectation"),
        ("a.test.js", "expect(f(1)).toEqual(2);", "expect(f(1)).toEqual(3);", "changed-expectation"),
        (".github/workflows/ci.yml", "- run: pytest", "- run: pytest || true", "loosened-config"),
        (".github/workflows/ci.yml", "- run: pytest", "- run: echo", "loosened-config"),
        (
            ".github/workflows/ci.yml",
            "- run: pytest",
            "- run: pytest\n  continue-on-error: true",
            "loosened-config",
        ),
        (".gitlab-ci.yml", "script: make test", "script: make test\nallow_failure: true", "loosened-config"),
        ("pytest.ini", "addopts = -q", "addopts = -q --ignore=tests/hard", "loosened-config"),
        ("pytest.ini", "addopts = -q", "addopts = -q -k 'not hard'", "loosened-config"),
        ("pytest.ini", "xfail_strict = true", "", "loosened-config"),
        ("pyproject.toml", "fail_under = 90", "fail_under = 80", "loosened-config"),
        ("pyproject.toml", "addopts = '--cov-fail-under=90'", "addopts = ''", "loosened-config"),
        ("jest.config.js", "branches: 80,", "branches: 10,", "loosened-config"),
        ("package.json", '"test": "jest"', '"test": "jest --passWithNoTests"', "loosened-config"),
        ("conftest.py", "", "def pytest_runtest_makereport(item, call):", "loosened-config"),
        ("conftest.py", "", "collect_ignore = ['test_a.py']", "loosened-config"),
    ],
)
def test_what_is_weaker_is_found(
    found: Callable[..., list[Finding]], path: str, before: str, after: str, rule: str
) -> None:
    told = found(*weaker(path, before, after))
    assert rule in {finding.rule for finding in told}
    assert {finding.file for finding in told} == {path}
    assert {finding.severity for finding in told} == {"warning"}


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("tests/test_a.py", TWO, TWO + "\n\ndef test_c():\n    assert add(0, 0) == 0\n"),
        ("tests/test_a.py", "assert f(1) in (1, 2)", "assert f(1) == 2"),
        ("tests/test_a.py", "assert f(1)", "assert f(1) == 2"),
        ("tests/test_a.py", TWO, TWO.replace("test_a", "test_one")),
        ("a.test.js", "expect(f(1)).toBeDefined();", "expect(f(1)).toEqual(2);"),
        (".github/workflows/ci.yml", "- run: pytest", "- run: pytest -q -n 2"),
        (".github/workflows/ci.yml", "- run: make", "# pytest || true\n- run: make"),
        ("pyproject.toml", "fail_under = 80", "fail_under = 90"),
        ("src/a.py", "x = f() or True", "assert True"),
    ],
)
def test_what_is_stronger_or_the_same_is_not(
    found: Callable[..., list[Finding]], path: str, before: str, after: str
) -> None:
    assert found(*weaker(path, before, after)) == []


def test_a_deleted_test_file_is_named_with_its_tests(found: Callable[..., list[Finding]]) -> None:
    (finding,) = found({"tests/test_a.py": TWO}, {})
    assert (finding.rule, finding.file) == ("deleted-test", "tests/test_a.py")
    assert "test_a, test_b" in finding.message


def test_tests_that_move_to_another_file_are_not_lost(found: Callable[..., list[Finding]]) -> None:
    assert found({"tests/test_a.py": TWO}, {"tests/unit/test_a.py": TWO}) == []
    first, second = TWO.split("\n\n\n")
    parts = {"tests/test_x.py": first, "tests/test_y.py": second}
    assert found({"tests/test_x.py": TWO}, parts) == []


def test_a_protected_file_is_an_error_however_it_was_changed(found: Callable[..., list[Finding]]) -> None:
    (finding,) = found({}, {"ci/run.sh": "x\n"}, protect=("ci/**",))
    assert (finding.rule, finding.severity, finding.file) == ("protected", "error", "ci/run.sh")


def test_what_testers_saw_is_told(found: Callable[..., list[Finding]]) -> None:
    base = Tests(verdict="passed", commands=["make test"], base_failures=["a::b"])
    (finding,) = found({}, {"a.txt": "1\n"}, base)
    assert (finding.rule, finding.severity) == ("tested", "warning") and "a::b" in finding.message
    flaky = Tests(verdict="passed", commands=["make test"], flaky=["a::c"])
    (finding,) = found({}, {"a.txt": "2\n"}, flaky)
    assert (finding.rule, finding.severity) == ("flaky", "note") and "a::c" in finding.message


def test_long_lines_take_no_time(found: Callable[..., list[Finding]]) -> None:
    line = "assert x" + " " * 300_000 + "y"
    assert found({}, {"tests/test_z.py": line + "\n"}) == []
