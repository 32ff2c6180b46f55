"""One suite over both ways: the same commands on the store, and through a server by REF_API_URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Refactory, Repo, new_file

TASKS = "## Add mul\nscope: mul.py\n\n## Add sub\nscope: sub.py\n\n## Say so\ndepends on: 1, 2\nscope: README.md\n"


@pytest.fixture(params=["local", "api"])
def program(
    request: pytest.FixtureRequest, repo: Repo, refactory: Refactory, tmp_path: Path
) -> Iterator[Refactory]:
    origin = tmp_path / "origin.git"
    repo.git("init", "-q", "--bare", "-b", "main", str(origin))
    repo.git("remote", "add", "origin", str(origin))
    repo.git("push", "-q", "origin", "main")
    if request.param == "local":
        yield refactory
        return
    server = refactory.start("serve", "--port", "0")
    assert server.stdout
    url = server.stdout.readline().strip()
    token = refactory.ok("token:show").out.strip()
    elsewhere = tmp_path / "elsewhere"  # no repository: everything must come through the API
    elsewhere.mkdir()
    yield Refactory(elsewhere, {"REF_API_URL": url, "REF_API_TOKEN": token})
    server.terminate()
    server.communicate(timeout=20)


@pytest.fixture
def answered(repo: Repo, program: Refactory, scripted: Any) -> None:
    """Scripted answers, where the agents of this way look for them."""
    scripted(
        add_mul=new_file("mul.py", "def mul(a, b):\n    return a * b\n"),
        add_sub=new_file("sub.py", "def sub(a, b):\n    return a - b\n"),
        say_so=new_file("README.md", "add, sub, mul\n"),
    )
    if program.folder != repo.path:
        (program.folder / ".git").mkdir()
        (repo.path / ".git" / "answers").rename(program.folder / ".git" / "answers")


def test_requests(program: Refactory) -> None:
    made = program.data("request:create", "--title", "Zwölf Boxkämpfer", "--description", "a\r\nb ")
    assert (made["id"], made["state"], made["description"]) == (1, "open", "a\r\nb ")
    assert program.data("request:show", "1") == made
    assert program.data("request:show", made["key"]) == made
    assert program.data("request:list")["items"] == [made]
    assert program.data("request:list", "--state", "done")["items"] == []
    assert program.ok("request:list", "--format", "ids").out == "1\n"


def test_a_plan_is_orchestrated_and_its_tasks_listed(program: Refactory) -> None:
    program.ok("request:create", "--title", "Calculator")
    plan = program.data("plan:create", "1", "--from", "-", input=TASKS)
    assert (plan["id"], plan["requestId"], plan["state"]) == (1, 1, "approved")
    done = program.data("orchestrate", "1", "--agents", "2", "--target-branch", "main")
    assert done["targetBranch"] == "main"
    assert [one["agent"] for one in done["assignments"]] == ["coder-1", "coder-2", "coder-1"]
    listed = program.data("tasks:list", "--plan-id", "1", "--state", "assigned")
    assert [task["title"] for task in listed["items"]] == ["Add mul", "Add sub", "Say so"]
    assert [task["id"] for task in program.data("tasks:list", "--agent", "coder-2")["items"]] == [2]
    assert program.data("task:inspect", "3")["dependsOn"] == [task["key"] for task in listed["items"][:2]]
    assert program.data("plan:status", "1")["plan"]["state"] == "orchestrated"
    assert done.pop("again") is False
    nothing = {"model": "", "requests": 0, "inputTokens": 0, "outputTokens": 0}
    assert program.data("orchestration:show", "1") == {**done, "usage": nothing}
    again = program.data("orchestrate", "1", "--agents", "2", "--target-branch", "main")
    assert again == {**done, "again": True}


ERRORS = [
    (3, ("request:show", "9")),
    (3, ("task:inspect", "1-aaaaaaaa")),
    (2, ("request:show", "abc")),
    (2, ("request:create", "--title", "  ")),
    (2, ("request:create", "--title", "x" * 501)),
    (2, ("request:create",)),
    (2, ("tasks:list", "--state", "nonsense")),
    (2, ("tasks:list", "--limit", "0")),
    (3, ("plan:create", "9")),
    (3, ("orchestrate", "9")),
    (4, ("reconcile", "1")),
    (4, ("review", "1")),
    (4, ("launch", "1")),
    (3, ("orchestrate", "1", "--target-branch", "nowhere")),
    (4, ("task:retry", "1")),
    (4, ("pull:record", "coder-9", "--task-id", "1", "--pr-url", "https://example.com/1")),
    (2, ("pull:record", "coder-1", "--task-id", "1")),
]


def test_errors_have_the_same_exit_code(program: Refactory) -> None:
    program.ok("request:create", "--title", "x")
    program.ok("plan:create", "1")
    for code, command in ERRORS:
        done = program.run(*command, "--json")
        assert done.code == code, (command, done.err)
        assert done.json["status"] == "error"
        assert done.json["errors"][0]["message"]
        assert done.err.startswith("refactory: ")


def test_an_agent_from_outside_records_its_pull(repo: Repo, program: Refactory) -> None:
    program.ok("request:create", "--title", "x")
    program.ok("plan:create", "1", "--from", "-", input=TASKS)
    program.ok("orchestrate", "1", "--agents", "2")
    repo.git("checkout", "-qb", "theirs")
    commit = repo.commit({"mul.py": "x = 1\n"})
    repo.git("checkout", "-q", "main")
    give = (
        "pull:record",
        "coder-1",
        "--task-id",
        "1",
        "--branch",
        "theirs",
        "--pr-url",
        "https://example.com/7",
    )
    first = program.data(*give)
    assert first["created"]
    assert (first["pull"]["commit"], first["task"]["state"]) == (commit, "testing")
    again = program.data(*give)
    assert not again["created"]
    assert again["pull"] == first["pull"]
    assert program.run("pull:record", "coder-2", "--task-id", "1", "--branch", "theirs").code == 4


def test_cancelled_and_retried(program: Refactory) -> None:
    program.ok("request:create", "--title", "x")
    program.ok("plan:create", "1", "--from", "-", input=TASKS)
    program.ok("orchestrate", "1")
    assert program.data("task:cancel", "1", "--reason", "no longer wanted")["state"] == "cancelled"
    assert program.data("task:inspect", "3")["state"] == "blocked"
    assert program.data("task:retry", "1")["state"] == "assigned"
    assert program.data("task:inspect", "3")["state"] == "assigned"


def test_a_cancelled_request_is_over(program: Refactory) -> None:
    program.ok("request:create", "--title", "x")
    program.ok("plan:create", "1", "--from", "-", input=TASKS)
    program.ok("orchestrate", "1")
    claimed = program.data("agent:claim", "coder-1")["claim"]
    done = program.data("request:cancel", "1", "--reason", "no longer wanted")
    assert (done["id"], done["state"]) == (1, "cancelled")
    assert program.data("request:cancel", "1") == done, "a second time changes nothing"
    tasks = program.data("tasks:list")["items"]
    assert {(task["state"], task["feedback"]) for task in tasks} == {("cancelled", "no longer wanted")}
    assert program.run("task:renew", "1", "--token", str(claimed["token"])).code == 4
    assert program.data("agent:claim", "coder-1")["claim"] is None
    refused = (
        ("run", "1"),
        ("orchestrate", "1"),
        ("orchestrate", "1", "--run"),
        ("reconcile", "1"),
        ("launch", "1"),
        ("task:retry", "1"),
        ("plan:create", "1"),
    )
    for command in refused:
        again = program.run(*command)
        assert (again.code, "request 1 is cancelled" in again.err) == (4, True), command


def test_ids_are_the_numbers_of_what_a_command_is_about(program: Refactory) -> None:
    program.ok("request:create", "--title", "first")
    program.ok("request:cancel", "1")

    def ids(*args: str, input: str | None = None) -> str:
        return program.ok(*args, "--format", "ids", input=input).out

    assert ids("request:create", "--title", "x") == "2\n"
    assert ids("run", "2", "--from", "-", "--until", "plan", input=TASKS) == "1\n"
    assert ids("plan:status", "1") == "1\n"
    assert ids("tasks:list") == "1\n2\n3\n"
    assert ids("status") == "2\n", "the open requests"
    assert ids("orchestrate", "1") == "1\n"
    assert ids("agent:claim", "coder-1") == "1\n"
    assert ids("task:inspect", "2") == "2\n"
    assert ids("pull:record", "coder-2", "--task-id", "2", "--pr-url", "https://example.com/7") == "1\n"
    assert ids("tasks:list", "--state", "merged") == ""
    assert program.run("init", "--format", "ids").code == 2, "there is nothing with a number"


@pytest.mark.usefixtures("answered")
def test_agents_one_task_at_a_time(program: Refactory) -> None:
    program.ok("request:create", "--title", "Calculator")
    program.ok("plan:create", "1", "--from", "-", input=TASKS)
    program.ok("orchestrate", "1", "--agents", "1", "--remote", "origin")
    program.env["AGENT_NAME"] = "coder-1"
    program.ok("agent:coder", "--once")
    assert program.data("task:inspect", "1")["state"] == "testing"
    program.ok("agent:tester", "--once", "--name", "tester-1")
    task = program.data("task:inspect", "1")
    assert (task["state"], task["attempts"]) == ("completed", 1)
    assert program.run("agent:tester", "--once").code == 3, "nothing waits for a tester"
    assert program.run("agent:coder", "--once", "--name", "nobody").code == 3


@pytest.mark.usefixtures("answered")
def test_from_plan_to_launch_step_by_step(repo: Repo, program: Refactory) -> None:
    program.ok("request:create", "--title", "Calculator")
    program.ok("plan:create", "1", "--from", "-", input=TASKS)
    program.ok("orchestrate", "1", "--run", "--remote", "origin")
    done = program.data("reconcile", "1")
    assert done["outcome"]["state"] == "complete"
    assert program.data("review", "1")["verdict"] == "approved"
    assert program.data("launch", "1", "--dry-run")["launch"] is None
    launched = program.data("launch", "1")
    assert repo.git("rev-parse", "main") == launched["launch"]["landing"]["commit"]
    assert program.data("launch", "1")["launch"] == launched["launch"], "a second time changes nothing"
    assert program.data("request:show", "1")["state"] == "done"
    assert "</html>" in program.ok("report", "1", "--output", "-").out


@pytest.mark.usefixtures("answered")
def test_run_all_the_way(repo: Repo, program: Refactory) -> None:
    give = ("run", "--title", "Calculator", "--from", "-", "--as", "push", "--push-target", "--agents", "2")
    done = program.data(*give, input=TASKS)
    assert [task["state"] for task in done["status"]["tasks"]] == ["merged"] * 3
    repo.git("fetch", "-q", "origin")
    assert repo.show("README.md", "origin/main") == "add, sub, mul"
    assert not (repo.path / "README.md").exists(), "a push leaves the local branch alone"
