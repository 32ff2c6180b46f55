"""What users see of the sandbox: refused where it is demanded in vain, one warning where it is not, and the record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.bubblewrap import why_not
from state.records import Pull
from state.store import Store
from tests.conftest import Refactory, Repo, new_file

TASKS = "## One\n"
WARNING = "without walls, bubblewrap does not work here"


@pytest.fixture
def broken_bwrap(refactory: Refactory, tmp_path: Path) -> None:
    """As in a container that may not make namespaces."""
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    refactory.env["PATH"] = f"{program.parent}:{os.environ['PATH']}"


def configure(repo: Repo, line: str) -> None:
    with (repo.path / ".refactory" / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(line)


def pull(repo: Repo) -> Pull:
    return Store.open(repo.path).all(Pull)[0]


@pytest.mark.usefixtures("broken_bwrap")
@pytest.mark.parametrize("said", ["sandbox: bwrap\n", "sandbox:\n  mode: bwrap\n"])
def test_demanded_in_vain_it_is_refused_before_anything_runs(
    repo: Repo, refactory: Refactory, scripted: Any, said: str
) -> None:
    scripted(one=new_file("new.py", "x = 1\n"))
    configure(repo, said)
    done = refactory.run("run", "--title", "T", "--from", "-", "--json", input=TASKS)
    assert (done.code, done.json["errors"][0]["code"]) == (2, "no_sandbox")
    assert "No permissions to create new namespace" in done.json["errors"][0]["message"]
    assert refactory.data("request:list")["items"] == []
    problem = refactory.run("doctor", "--json").data["problems"][0]
    assert (problem["check"], refactory.run("agent:coder", "--once").code) == ("sandbox", 2)


@pytest.mark.usefixtures("broken_bwrap")
def test_auto_goes_on_with_one_warning(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(one=new_file("new.py", "x = 1\n"))
    done = refactory.ok("run", "--title", "T", "--from", "-", input=TASKS)
    assert done.err.count(WARNING) == 1
    found = pull(repo)
    assert found.tests
    assert (found.sandbox, found.tests.sandbox) == ("none", "none")


def test_the_record_says_what_held(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    if why_not():
        pytest.skip(why_not())
    scripted(one=new_file("new.py", "x = 1\n"))
    done = refactory.ok("run", "--title", "T", "--from", "-", input=TASKS)
    assert done.err == ""
    found = pull(repo)
    assert found.tests
    assert (found.sandbox, found.tests.sandbox) == ("bwrap", "bwrap")


def test_none_is_quiet(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(one=new_file("new.py", "x = 1\n"))
    configure(repo, "sandbox: none\n")
    assert refactory.ok("run", "--title", "T", "--from", "-", input=TASKS).err == ""
    assert pull(repo).sandbox == "none"


def test_a_coder_that_redirects_its_git_fails_with_the_reason(repo: Repo, refactory: Refactory) -> None:
    """Acceptance 15, without walls: behind them it can't."""
    configure(
        repo,
        "sandbox: none\nbudgets:\n  attempts: 1\ncoder:\n  backend: command\n"
        "  command: rm .git; git init -q; echo x >new.py\n",
    )
    head = repo.git("rev-parse", "main")
    done = refactory.run("run", "--title", "T", "--from", "-", input=TASKS)
    assert done.code == 1
    assert "the working folder's .git was removed or redirected" in done.out
    assert repo.git("rev-parse", "main") == head
