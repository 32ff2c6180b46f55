"""`plan:create`: several plans of one request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Refactory, Repo, new_file

TWO = "## One\n\n## Two\n"


def states(refactory: Refactory, *command: str) -> list[str]:
    return [item["state"] for item in refactory.data(*command)["items"]]


def test_a_new_plan_replaces_one_that_nobody_has_begun(refactory: Refactory, scripted: Any) -> None:
    scripted(other=new_file("other.py", "x = 1\n"))
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input=TWO)
    refactory.ok("plan:create", "1", "--from", "-", input="## Other\n")
    assert states(refactory, "plan:list") == ["cancelled", "approved"]
    assert states(refactory, "tasks:list") == ["cancelled", "cancelled", "pending"]
    assert refactory.data("task:inspect", "1")["feedback"] == "plan 2 replaced plan 1"
    for command in (("orchestrate", "1"), ("task:retry", "1")):
        refused = refactory.run(*command)
        assert (refused.code, "a later plan has replaced it" in refused.err) == (4, True)
    assert refactory.run("plan:approve", "1").code == 4
    assert refactory.ok("doctor").out == "healthy\n"
    assert refactory.data("run", "1")["status"]["plan"]["id"] == 2


@pytest.mark.slow
def test_a_plan_that_work_has_begun_on_is_replaced_only_if_asked_for(
    refactory: Refactory, scripted: Any
) -> None:
    scripted(other=new_file("other.py", "x = 1\n"))
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input=TWO)
    refactory.ok("orchestrate", "1")
    assert refactory.run("plan:create", "1").code == 4
    refactory.ok("plan:create", "1", "--again", "--from", "-", input="## Other\n")
    assert states(refactory, "plan:list") == ["cancelled", "approved"]
    refused = refactory.run("orchestrate", "1", "--again")
    assert (refused.code, "a later plan has replaced it" in refused.err) == (4, True)
    assert refactory.data("run", "1")["status"]["plan"]["id"] == 2
    assert refactory.ok("doctor").out == "healthy\n"


def test_a_plan_that_nobody_works_on_yet_says_what_begins_it(repo: Repo, refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1")
    assert "\nnext: `refactory run 1` goes on with it\n" in refactory.ok("plan:status", "1").out
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("planner:\n  approval: required\n")
    refactory.ok("plan:create", "1")
    assert "\nnext: `refactory plan:approve 2` lets" in refactory.ok("plan:status", "2").out
