"""What a failure says of what is there all the same, and how to go on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Refactory, Repo, new_file

ONE = new_file("one.py", "one = 1\n")


def test_a_run_that_fails_names_its_request(repo: Repo, refactory: Refactory) -> None:
    """The same command again would make a second request."""
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("coder:\n  backend: model\n")
    done = refactory.run("run", "--title", "Same", "--json")
    assert done.code == 8
    assert "`refactory run 1` goes on with it" in done.json["errors"][0]["hint"]
    assert "command again" not in done.err
    assert (done.data["request"]["id"], done.data["plan"]["id"]) == (1, 1)
    assert "`refactory run 1` goes on with it" in refactory.run("run", "1").err
    assert refactory.data("request:list")["total"] == 1


def test_a_task_list_that_can_not_be_read_makes_no_request(refactory: Refactory) -> None:
    assert refactory.run("run", "--title", "T", "--from", "nowhere.md").code == 2
    assert refactory.data("request:list")["total"] == 0


def test_a_cancelled_request_is_not_gone_on_with(refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "T")
    refactory.ok("request:cancel", "1", "--reason", "Nobody needs it.")
    assert "reason: Nobody needs it." in refactory.ok("request:show", "1").out
    assert "goes on with it" not in refactory.run("run", "1").err


def test_orchestrate_and_run_says_how_it_went(refactory: Refactory, scripted: Any) -> None:
    scripted(one=ONE)
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n\n## Two\n")
    done = refactory.run("orchestrate", "1", "--run")
    assert done.code == 7
    assert "1 completed: One" in done.out
    assert "2 failed: Two\n      no scripted answer" in done.out
    assert "`refactory task:inspect 2` says why" in done.out
    again = refactory.run("orchestrate", "1", "--run", "--json")
    assert (again.code, again.data["exitCode"], again.data["stage"]) == (7, 7, "code")
    assert [task["state"] for task in again.data["status"]["tasks"]] == ["completed", "failed"]


@pytest.mark.parametrize("command", [("run", "1"), ("orchestrate", "1", "--run")])
def test_through_the_api_no_coder_starts_without_a_remote(
    refactory: Refactory, scripted: Any, tmp_path: Path, command: tuple[str, ...]
) -> None:
    scripted(one=ONE)
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n")
    refactory.ok("orchestrate", "1")
    server = refactory.start("serve", "--port", "0")
    assert server.stdout
    env = {
        "REF_API_URL": server.stdout.readline().strip(),
        "REF_API_TOKEN": refactory.ok("token:show").out.strip(),
    }
    (tmp_path / "elsewhere").mkdir()
    done = Refactory(tmp_path / "elsewhere", env).run(*command)
    server.terminate()
    server.communicate(timeout=20)
    assert done.code in (2, 3)
    assert "remote" in done.err
    task = refactory.data("task:inspect", "1")
    assert (task["state"], task["attempts"]) == ("assigned", 0)


def test_what_can_only_fail_again_fails_at_once(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(one=ONE)
    assert refactory.run("run", "--title", "T", "--from", "-", input="## One\n\n## Two\n").code == 7
    assert refactory.data("task:inspect", "2")["attempts"] == 1
    key = refactory.data("task:inspect", "2")["key"]
    logs = repo.path / ".git" / "refactory" / "logs" / key
    assert [path for path in logs.rglob("*") if path.is_dir()] == [], "no empty folders"


def test_one_attempt_that_fails_is_no_success(refactory: Refactory, scripted: Any) -> None:
    scripted(one="no diff\n", two=ONE)
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n")
    refactory.ok("orchestrate", "1")
    done = refactory.run("agent:coder", "--once")
    assert done.code == 1
    assert "refactory: task 1 is assigned: 1.md: " in done.err


@pytest.mark.parametrize(
    ("agent", "shows"), [("coder", "tasks:list --agent coder-1"), ("tester", "tasks:list --state testing")]
)
def test_an_agent_with_nothing_to_do_says_what_it_waits_for(
    refactory: Refactory, agent: str, shows: str
) -> None:
    done = refactory.run(f"agent:{agent}", "--once")
    assert (done.code, f"`refactory {shows}`" in done.err) == (3, True)


def test_a_launch_of_a_part_says_what_is_left_out(refactory: Refactory, scripted: Any) -> None:
    scripted(one=ONE)
    tasks = "## One\n\n## Two\n"
    run = refactory.run("run", "--title", "T", "--from", "-", "--until", "review", input=tasks)
    assert run.code == 7
    assert "left out: 2 unfinished\n" in run.out, "why stands above"
    dry = refactory.ok("launch", "1", "--dry-run")
    done = refactory.run("launch", "1")
    assert done.code == 7
    for said in (dry.out, done.out):
        assert "left out: 2 unfinished: it has failed" in said
    again = refactory.run("launch", "1", "--json")
    assert (again.code, again.data["leftOut"][0]["reason"]) == (7, "unfinished")


def test_what_is_to_be_approved_is_shown_in_full(repo: Repo, refactory: Refactory) -> None:
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("planner:\n  approval: required\n")
    tasks = """\
How it is to be built.

## One
scope: one.py
acceptance: test -f one.py

Mind the gap.

## Two
scope: one.py
"""
    refactory.ok("request:create", "--title", "T")
    plan = refactory.data("plan:create", "1", "--from", "-", input=tasks)
    said = refactory.ok("plan:status", "1").out
    for part in ("How it is to be built.", *plan["warnings"], "one.py", "test -f one.py", "Mind the gap."):
        assert part in said
    assert plan["warnings"]
    refactory.ok("plan:approve", "1")
    said = refactory.ok("plan:status", "1").out
    assert "How it is to be built." in said
    assert "Mind the gap." not in said


def test_how_to_go_on_says_what_was_asked_for(repo: Repo, refactory: Refactory) -> None:
    """Without its options the next run would merge here what was to be pushed, or ask another planner."""
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("planner:\n  backend: model\n")
    options = ("--planner", "model", "--agents", "3", "--until", "review", "--as", "command")
    done = refactory.run("run", "--title", "Same", *options, "--json")
    assert done.code == 8
    assert f"`refactory run 1 {' '.join(options)}` goes on with it" in done.json["errors"][0]["hint"]


def test_what_has_failed_is_tried_again_as_it_was_asked_for(refactory: Refactory, scripted: Any) -> None:
    scripted()
    done = refactory.run("run", "--title", "Missing", "--until", "review")
    assert (done.code, "`refactory run 1 --until review` tries again" in done.out) == (1, True)


def test_a_run_that_is_killed_before_its_plan_goes_on_with_its_list(refactory: Refactory) -> None:
    """The plan is made as if only the request had been recorded."""
    refactory.ok("run", "--title", "T", "--from", "-", "--until", "plan", input="Why.\n\n## One\n\n## Two\n")
    refactory.ok("plan:create", "1")
    tasks = refactory.data("tasks:list", "--plan-id", "2")["items"]
    assert [task["title"] for task in tasks] == ["One", "Two"]
