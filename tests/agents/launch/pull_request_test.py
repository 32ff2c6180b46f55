"""Acceptance 20: a plan becomes one pull request, by a real push; the program says how it went."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.launch.pull_request import PLAIN, Wishes
from agents.launcher import landing, launch
from state.errors import Conflict
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


@pytest.mark.parametrize("forge", ["github", "gitlab", "forgejo"], indirect=True)
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
    forge.state.checks = [[], [Check("build", "pending")], GREEN]
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
    assert red.data["launch"]["prUrl"] in program.run("plan:status", "1", "--json").out
    forge.state.checks = [[]]
    assert program.run("launch", "1", "--as", "pull-request", "--wait-ci").code == 8
    forge.state.checks = [GREEN]
    text = program.ok("launch", "1", "--as", "pull-request", "--merge-when-green").out
    assert "CI:" in text or "CI " in text
    forge.faults = [Fault("GET .*/pulls", 401, body={"message": "Bad credentials"})]
    denied = program.run("launch", "1", "--as", "pull-request", "--json")
    assert (denied.code, denied.json["errors"][0]["code"]) == (4, "forge_auth")
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
    done = Refactory(repo.path).data("launch", "1", "--as", "pull-request", "--dry-run")
    assert done["launch"] is None
    assert "### Tasks" in done["proposal"]["body"]
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


def test_what_cannot_work_is_said_at_once(repo: Repo, ready: Plan, forge: ForgeServer) -> None:
    program = Refactory(repo.path)
    assert program.run("launch", "1", "--as", "merge", "--wait-ci").code == 2
    assert program.run("launch", "1", "--as", "pull-request", "--draft", "--merge-when-green").code == 2
    assert program.run("launch", "1", "--as", "pull-request", "--push-target").code == 2
    repo.git("remote", "set-url", "origin", "https://git.example.com/a/b.git")
    (repo.path / ".refactory" / "config.yaml").write_text("version: 1\n")
    done = program.run("launch", "1", "--as", "pull-request")
    assert done.code == 2
    assert "forge.kind" in done.err
    repo.git("remote", "set-url", "origin", "https://github.com/a/b.git")
    done = program.run("launch", "1", "--as", "pull-request")
    assert done.code == 2
    assert "GH_TOKEN or GITHUB_TOKEN" in done.err


@pytest.mark.parametrize("forge", ["github", "gitlab", "forgejo"], indirect=True)
def test_an_issue_becomes_a_request_and_is_told(
    repo: Repo, ready: Plan, forge: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge.state.issues[70] = Issue(70, "Add a\tthing ", "First line\r\n\r\n## One\r\n")
    program = Refactory(repo.path)
    made = program.data("request:import", "70")
    dash = "-/" if forge.kind == "gitlab" else ""
    url = f"{forge.url}/{OWNER}/{NAME}/{dash}issues/70"
    assert (made["new"], made["request"]["title"], made["request"]["issue"]) == (True, "Add a thing", url)
    assert made["request"]["description"] == "First line\n\n## One"
    assert program.data("request:import", url) == {**made, "new": False}
    assert program.run("request:import", "71").code == 3
    store = Store.open(repo.path)
    with store.transaction("test") as changes:
        request = changes.get(Request, ready.request)
        changes.put(replace(request, issue=url))
    launched = program.data("launch", "1", "--as", "pull-request")["launch"]
    (comment,) = forge.state.issues[70].comments
    assert launched["prUrl"] in comment.body
    assert launched["commentUrl"].startswith(url)
    assert "Closes #70" in forge.state.pulls[0].body
    forge.state.checks = [GREEN]
    program.ok("launch", "1", "--as", "pull-request", "--merge-when-green")
    (comment,) = forge.state.issues[70].comments
    assert comment.body.startswith("Merged: ")


def test_a_comment_that_fails_takes_nothing_back(repo: Repo, ready: Plan, forge: ForgeServer) -> None:
    store = Store.open(repo.path)
    with store.transaction("test") as changes:
        changes.put(
            replace(changes.get(Request, ready.request), issue=f"{forge.url}/{OWNER}/{NAME}/issues/9")
        )
    done = Refactory(repo.path).data("launch", "1", "--as", "merge")
    assert done["launch"]["commentUrl"] is None
    assert "issues/9 was not told" in done["warnings"][0]


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
