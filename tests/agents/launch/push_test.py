"""What a remote refuses, and answers that are lost."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agents.forge.errors import ForgeAuth, ForgeProtected
from agents.launcher import landing, launch
from state.errors import Unavailable
from state.records import Launch, Plan
from state.store import Store
from tests.conftest import Repo
from tests.forges.ready import approved, head


@pytest.fixture
def bare(repo: Repo, tmp_path: Path) -> Path:
    repo.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "origin.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    repo.git("push", "-q", "origin", "main")
    return tmp_path / "origin.git"


@pytest.fixture
def plan(repo: Repo, store: Store, bare: Path) -> Plan:
    (repo.path / ".refactory" / "config.yaml").write_text("test:\n  command: 'true'\n")
    return approved(repo, Store.open(repo.path), "One")


def push(repo: Repo, plan: Plan) -> Launch:
    store = Store.open(repo.path)
    planned, review = landing(store, plan, "push", None, True)
    return launch(store, plan, planned, review, None)[0]


def executable(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_protected_branch_is_named_and_nothing_pushed(repo: Repo, plan: Plan, bare: Path) -> None:
    refusal = 'echo "GH006: Protected branch update failed" >&2; exit 1'
    executable(bare / "hooks" / "update", f"case $1 in refs/heads/main) {refusal};; esac")
    before = head(bare, "main")
    with pytest.raises(ForgeProtected, match="GH006: Protected branch") as raised:
        push(repo, plan)
    assert raised.value.exit_code == 4
    assert (head(bare, "main"), head(bare, f"refactory/plans/{plan.key}")) == (before, "")
    assert Store.open(repo.path).all(Launch) == []


def test_an_answer_that_is_lost_is_no_failure(repo: Repo, plan: Plan, bare: Path) -> None:
    executable(bare / "hooks" / "post-receive", "kill -9 $PPID")
    done = push(repo, plan)
    assert head(bare, "main") == done.landing.commit


def test_a_remote_that_dies_is_not_said_to_have_taken_nothing(repo: Repo, plan: Plan, bare: Path) -> None:
    executable(bare / "hooks" / "post-receive", f"mv {bare} {bare}.gone; kill -9 $PPID")
    with pytest.raises(Unavailable, match="whether it arrived is not known"):
        push(repo, plan)


def test_a_refused_login_is_named(repo: Repo, plan: Plan) -> None:
    repo.git("remote", "set-url", "origin", "ssh://nobody@127.0.0.1/x.git")
    repo.git("config", "core.sshCommand", "sh -c 'echo \"Permission denied (publickey).\" >&2; exit 255'")
    with pytest.raises(ForgeAuth, match="Permission denied") as raised:
        push(repo, plan)
    assert raised.value.exit_code == 4
