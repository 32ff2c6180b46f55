"""`task:retry`: what was given up is wanted again."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from state.records import Task
from state.store import Store
from tests.conftest import Refactory, Repo, new_file

TWO = "## One\n\n## Two\n"
ONE = new_file("one.py", "one = 1\n")


def given_up(refactory: Refactory, scripted: Any) -> None:
    """Plan 1 is done without its task 2."""
    scripted(one=ONE)
    assert refactory.run("run", "--title", "T", "--from", "-", input=TWO).code == 7
    refactory.ok("task:cancel", "2")
    assert refactory.data("plan:status", "1")["plan"]["state"] == "done"


@pytest.mark.slow
def test_a_retried_task_of_a_done_plan_is_worked_on_and_lands(
    repo: Repo, refactory: Refactory, scripted: Any
) -> None:
    given_up(refactory, scripted)
    refactory.ok("task:retry", "2")
    assert refactory.ok("doctor").out == "healthy\n"
    assert refactory.data("status")["open"][0]["id"] == 1
    scripted(two=new_file("two.py", "two = 2\n"))
    done = refactory.data("run", "1")
    assert [task["state"] for task in done["status"]["tasks"]] == ["merged", "merged"]
    assert done["status"]["plan"]["state"] == done["status"]["request"]["state"] == "done"
    assert {"one.py", "two.py"} <= set(repo.git("ls-tree", "--name-only", "main").split())


@pytest.mark.slow
def test_a_run_says_what_is_still_missing(refactory: Refactory, scripted: Any) -> None:
    given_up(refactory, scripted)
    refactory.ok("task:retry", "2")
    assert refactory.run("run", "1").code == 7, "there is no answer for it"
    refactory.ok("task:cancel", "2")
    refactory.ok("run", "1")


def test_a_done_plan_with_an_open_task_is_no_success_and_doctor_reopens_it(
    store: Store, refactory: Refactory, scripted: Any
) -> None:
    """As a merge by hand may leave it."""
    given_up(refactory, scripted)
    with store.transaction("edit") as changes:
        changes.put(replace(changes.get(Task, "2"), state="assigned"))
    done = refactory.run("run", "1", "--json")
    assert done.code == 4
    assert "doctor --fix" in done.json["errors"][0]["hint"]
    refactory.ok("doctor", "--fix")
    scripted(two=new_file("two.py", "two = 2\n"))
    assert refactory.data("run", "1")["status"]["plan"]["state"] == "done"


def test_a_run_of_what_was_given_up_altogether_is_no_success(refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1")
    refactory.ok("orchestrate", "1")
    refactory.ok("task:cancel", "1")
    done = refactory.run("run", "1")
    assert done.code == 4
    assert "every task of plan 1 is cancelled" in done.err
    assert "`refactory task:retry 1`" in done.err
