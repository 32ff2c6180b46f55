"""Acceptance 20: a plan becomes one pull request, by a real push; the program says how it went."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agents.launch.pull_request import PLAIN, Wishes
from agents.launcher import landing, launch
from commands import launch as launch_command
from commands.launch import LaunchParams
from state.errors import Conflict, UsageError
from state.records import Launch, Plan, Request, Task
from state.store import Store
from tests.conftest import Refactory, Repo
from tests.forges.ready import configure, head
from tests.forges.server import Fault, ForgeServer
from tests.forges.state import NAME, OWNER, TOKEN, Check, Issue

GREEN = [Check("build", "passed")]


def propose(repo: Repo, plan: Plan, wishes: Wishes = PLAIN) -> Launch:
    store = Store.open(repo.path)
    planned, review = landing(store, plan, "pull-request", None, False)
    return launch(store, plan, planned, review, None, wishes)[0]


@pytest.mark.parametrize(
    "forge",
    [
        "github",
        pytest.param("gitlab", marks=pytest.mark.slow),
        pytest.param("forgejo", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_the_branch_is_pushed_and_one_pull_request_opened(
    repo: Repo, ready: Plan, forge: ForgeServer
) -> None:
    done = propose(repo, ready)
    (pull,) = forge.state.pulls
    assert (pull.head, pull.base, pull.draft) == (f"refactory/plans/{ready.key}", "main", False)
    assert head(forge.state.repository, pull.head) == done.landing.commit
    assert (done.pr_url or "").endswith(f"/{pull.number}")
    assert "| 1 | One | coder-1 | 1 |" in pull.body
    assert done.landing.commit in pull.body
    assert propose(repo, ready) == done
    assert len(forge.state.pulls) == 1
    store = Store.open(repo.path)
    assert store.all(Launch) == [done]
    assert {task.state for task in store.all(Task)} == {"merged"}


def test_it_is_seen_through_ci_to_the_merge(repo: Repo, ready: Plan, forge: ForgeServer) -> None:
    forge.state.checks = [[Check("build", "failed")]]
    assert propose(repo, ready, Wishes(merge_when_green=True)).ci == "failed"
    forge.state.checks = [[Check("build", "pending")], GREEN]
    done = propose(repo, ready, Wishes(merge_when_green=True))
    assert (done.ci, done.merged) == ("passed", True)
    assert head(forge.state.repository, "main") == done.landing.commit
    assert propose(repo, ready, Wishes(merge_when_green=True)) == done
    assert [pull.state for pull in forge.state.pulls] == ["merged"]


def test_a_target_that_moved_meanwhile_is_not_merged_into(
    repo: Repo, ready: Plan, forge: ForgeServer
) -> None:
    forge.state.checks = [GREEN]
    repo.git("checkout", "-q", "--detach")
    theirs = repo.commit({"theirs.txt": "x\n"})
    repo.git("push", "-q", str(forge.state.repository), f"{theirs}:refs/heads/main")
    with pytest.raises(Conflict, match="has moved"):
        propose(repo, ready, Wishes(merge_when_green=True))
    assert head(forge.state.repository, "main") == theirs


def test_the_program_says_how_it_went_and_keeps_the_token(
    repo: Repo, ready: Plan, forge: ForgeServer
) -> None:
    """Whatever git and python are started with is noted by a wrapper of git's."""
    program = Refactory(repo.path, {"PATH": f"{_spy(repo.path)}:{os.environ['PATH']}"})
    forge.state.checks = [[Check("build", "failed")]]
    red = program.run("launch", "1", "--as", "pull-request", "--wait-ci", "--json")
    assert (red.code, red.data["launch"]["ci"]) == (1, "failed")
    forge.state.checks = [[]]
    silent = program.run("launch", "1", "--as", "pull-request", "--merge-when-green")
    assert silent.code == 8
    assert red.data["launch"]["prUrl"] in silent.out
    assert "the forge knows of no check" in silent.out
    assert (repo.path / ".git" / "spied").read_text().count("push") >= 1
    _keeps(repo.path, TOKEN)


def _spy(folder: Path) -> Path:
    spy = folder / ".git" / "spy" / "git"
    spy.parent.mkdir()
    found = next(Path(part, "git") for part in os.environ["PATH"].split(":") if Path(part, "git").exists())
    spy.write_text(f'#!/bin/sh\necho "$@" >> {folder}/.git/spied\nexec {found} "$@"\n')
    spy.chmod(0o700)
    return spy.parent


def _keeps(folder: Path, token: str) -> None:
    for path in [*folder.rglob("*"), *Path(os.environ["HOME"]).rglob("*")]:
        assert not path.is_file() or token.encode() not in path.read_bytes(), path


def test_a_dry_run_shows_it_and_asks_nobody(repo: Repo, ready: Plan, forge: ForgeServer) -> None:
    params = LaunchParams(id=ready.key, how="pull-request", dry_run=True)
    done = launch_command.run(Store.open(repo.path), params)
    assert done.launch is None
    assert done.proposal is not None
    assert "### Tasks" in done.proposal.body
    assert "### Tasks" in launch_command.text(done)
    assert (forge.seen, forge.state.pulls) == ([], [])
    assert head(forge.state.repository, f"refactory/plans/{ready.key}") == ""


def test_a_wrong_token_stops_the_push_and_is_named(
    repo: Repo, ready: Plan, forge: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGE_TEST_TOKEN", "revoked")
    done = Refactory(repo.path).run("launch", "1", "--as", "pull-request", "--json")
    assert (done.code, done.json["errors"][0]["code"]) == (4, "forge_auth")
    assert "revoked" not in done.out + done.err
    assert forge.seen == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"how": "merge", "wait_ci": True}, "go with --as pull-request"),
        ({"how": "pull-request", "draft": True, "merge_when_green": True}, "a draft can't be merged"),
        ({"how": "pull-request", "push_target": True}, "goes with --as push"),
    ],
)
def test_options_that_exclude_each_other(repo: Repo, ready: Plan, options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        launch_command.run(Store.open(repo.path), LaunchParams(id=ready.key, **options))


def test_a_forge_that_cannot_be_told_is_asked_for(repo: Repo, ready: Plan) -> None:
    repo.git("remote", "set-url", "origin", "https://git.example.com/a/b.git")
    (repo.path / ".refactory" / "config.yaml").write_text("version: 1\n")
    done = Refactory(repo.path).run("launch", "1", "--as", "pull-request")
    assert done.code == 2
    assert "forge.kind" in done.err


def test_an_issue_becomes_a_request_and_is_told(repo: Repo, ready: Plan, forge: ForgeServer) -> None:
    forge.state.issues[70] = Issue(70, "T", None)
    program = Refactory(repo.path)
    made = program.data("request:import", "70")
    assert made["new"] is True
    store = Store.open(repo.path)
    with store.transaction("test") as changes:
        changes.put(replace(changes.get(Request, ready.request), issue=made["request"]["issue"]))
    launched = propose(repo, ready)
    (comment,) = forge.state.issues[70].comments
    assert (launched.pr_url or "none") in comment.body
    assert (launched.comment_url or "").startswith(made["request"]["issue"])
    assert "Closes #70" in forge.state.pulls[0].body
    forge.state.checks = [GREEN]
    propose(repo, ready, Wishes(merge_when_green=True))
    (comment,) = forge.state.issues[70].comments
    assert comment.body.startswith("Merged: ")


def test_a_comment_that_fails_takes_nothing_back(repo: Repo, ready: Plan, forge: ForgeServer) -> None:
    store = Store.open(repo.path)
    with store.transaction("test") as changes:
        changes.put(
            replace(changes.get(Request, ready.request), issue=f"{forge.url}/{OWNER}/{NAME}/issues/9")
        )
    done = launch_command.run(store, LaunchParams(id=ready.key))
    assert done.launch is not None
    assert done.launch.comment_url is None
    assert "issues/9 was not told" in done.warnings[0]


@pytest.mark.slow
def test_a_run_ends_with_a_pull_request(repo: Repo, ready: Plan, forge: ForgeServer) -> None:
    configure(repo, forge.kind)
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("coder:\n  backend: scripted\n  answers: .git/answers\n")
    forge.state.checks = [GREEN]
    program = Refactory(repo.path)
    done = program.data("run", "1", "--as", "pull-request", "--wait-ci", "--progress", "none")
    assert (done["exitCode"], done["status"]["launch"]["ci"]) == (0, "passed")
    assert len(forge.state.pulls) == 1
    again = program.data("run", "1", "--as", "pull-request", "--merge-when-green", "--progress", "none")
    assert again["status"]["launch"]["merged"] is True


def test_a_launch_that_is_killed_at_the_forge_goes_on_with_the_one_pull_request(
    repo: Repo, ready: Plan, forge: ForgeServer
) -> None:
    forge.faults = [Fault("POST .*/pulls", after=True, hang=30)]
    program = Refactory(repo.path)
    killed = program.start("launch", "1", "--as", "pull-request")
    while not forge.state.pulls:
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    done = program.data("launch", "1", "--as", "pull-request")
    assert done["launch"]["prUrl"].endswith(f"/{forge.state.pulls[0].number}")
    assert (len(forge.state.pulls), forge.count("POST .*/pulls")) == (1, 1)
