from __future__ import annotations

import pytest

from agents.reconciler import reconcile
from agents.reviewer import review
from state.records import Finding, Review
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Repo


def reviewed(store: Store, repo: Repo, files: dict[str, str], config: str = "") -> Review:
    (repo.path / ".refactory" / "config.yaml").write_text(f"test:\n  command: 'true'\n{config}")
    plan = planned(store, "One")
    complete(store, repo, "One", files)
    reconcile(store, plan.key)
    return review(store, plan.key)


def rules(findings: list[Finding]) -> list[tuple[str, str | None, int | None]]:
    return [(finding.rule, finding.file, finding.line) for finding in findings]


def test_clean_work_is_approved_without_findings(repo: Repo, store: Store) -> None:
    done = reviewed(store, repo, {"one.py": "x = 1\n"})
    assert (done.verdict, done.findings, done.reviewers) == ("approved", [], ["rules"])


@pytest.mark.parametrize(
    ("files", "rule", "file", "line"),
    [
        ({"a.py": "x = 1\ntoken = 'abcdefgh12345678'\n"}, "secret", "a.py", 2),
        ({"a.pem": "-----BEGIN RSA PRIVATE KEY-----\n"}, "secret", "a.pem", 1),
        ({"a.py": "<<<<<<< ours\n"}, "conflict-marker", "a.py", 1),
        ({"big.txt": "x" * 1_000_001}, "large-file", "big.txt", None),
    ],
)
def test_what_blocks_sends_the_task_back(
    repo: Repo, store: Store, files: dict[str, str], rule: str, file: str, line: int | None
) -> None:
    done = reviewed(store, repo, files)
    assert done.verdict == "rejected"
    assert (rule, file, line) in rules(done.findings)
    task = task_titled(store, "One")
    assert task.state == "assigned"
    assert rule in task.feedback
    assert "abcdefgh12345678" not in str(done), "a secret is not repeated in a record"


def test_weakened_tests_and_open_ends_are_told_but_do_not_block(repo: Repo, store: Store) -> None:
    test = "import unittest\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n"
    test += "    @unittest.skip('later')\n    def test_add(self):\n        pass\n"
    done = reviewed(store, repo, {"tests/test_calc.py": test, "a.py": "# TODO: more\n"})
    assert done.verdict == "approved"
    found = {finding.rule for finding in done.findings}
    assert found == {"skipped-test", "weakened-tests", "open-end"}


def test_the_blocking_severity_is_configured(repo: Repo, store: Store) -> None:
    done = reviewed(store, repo, {"a.py": "# TODO: more\n"}, "reviewer:\n  blocking: note\n")
    assert done.verdict == "rejected"


def test_a_second_review_of_the_same_commit_is_the_first(repo: Repo, store: Store) -> None:
    done = reviewed(store, repo, {"one.py": "x = 1\n"})
    assert review(store, done.plan) == done
