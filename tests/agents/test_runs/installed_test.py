"""Tests find what is installed in the repository and not committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.test_runs.run import Check
from agents.tester import check_commit
from agents.worktrees.workspace import local
from state.config import Sandbox, Test
from state.records import Tests
from state.store import Store
from tests.conftest import Repo

FINDS = "sh node_modules/.bin/check"


@pytest.fixture(autouse=True)
def installed(repo: Repo) -> None:
    repo.write({"node_modules/.bin/check": "echo found\n", ".git/info/exclude": "node_modules\n"})


def verdict(store: Store, tmp_path: Path, config: Test, walls: Sandbox | None = None) -> Tests:
    workspace = local(store)
    commit = workspace.repository.resolve("main") or ""
    return check_commit(Check(workspace, commit, [], config, tmp_path, "tester-1", walls=walls or Sandbox()))


@pytest.mark.parametrize("mode", ["auto", "none"])
def test_node_modules_is_there_and_stays_what_it_was(
    repo: Repo, store: Store, tmp_path: Path, mode: str
) -> None:
    walls = Sandbox(mode=mode)  # type: ignore[arg-type]
    assert verdict(store, tmp_path, Test(command=f"{FINDS} && {FINDS}"), walls).verdict == "passed"
    assert verdict(store, tmp_path, Test(command=FINDS), walls).verdict == "passed", "the next worktree"
    assert repo.git("status", "--porcelain", "--ignored", "node_modules") == "!! node_modules/"


def test_what_is_named_is_linked_and_nothing_else(repo: Repo, store: Store, tmp_path: Path) -> None:
    repo.write({"web/node_modules/tool": "echo found\n"})
    repo.commit({"web/page.txt": "x\n"})
    config = Test(
        command="sh web/node_modules/tool && ! test -e node_modules", installed=["web/node_modules"]
    )
    assert verdict(store, tmp_path, config).verdict == "passed"


@pytest.mark.parametrize(
    "config",
    [
        Test(command="! test -e node_modules", installed=[]),
        Test(command="! test -e node_modules && : npm ci"),
        Test(command="! test -e node_modules", installed=["../elsewhere", "gone", "/"]),
    ],
)
def test_nothing_is_linked_that_is_not_wanted(store: Store, tmp_path: Path, config: Test) -> None:
    assert verdict(store, tmp_path, config).verdict == "passed"


def test_what_the_commit_has_is_what_is_tested(repo: Repo, store: Store, tmp_path: Path) -> None:
    repo.git("add", "-f", "node_modules")
    repo.git("commit", "-qm", "vendored")
    repo.write({"node_modules/.bin/check": "false\n"})
    assert verdict(store, tmp_path, Test(command=FINDS)).verdict == "passed"


def test_a_commit_leads_no_link_out_of_the_worktree(repo: Repo, store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo.path / "web").symlink_to(outside)
    repo.git("add", "web")
    repo.git("commit", "-qm", "a link")
    (repo.path / "web").unlink()
    repo.write({"web/node_modules/tool": "x\n"})
    verdict(store, tmp_path, Test(command="true", installed=["web/node_modules"]))
    assert list(outside.iterdir()) == []
