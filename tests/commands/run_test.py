"""`run`: stages, partial outcomes, going on."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from agents.worktrees.workspace import local
from state.errors import Conflict
from state.records import Task
from state.store import Store
from tests.conftest import Refactory, Repo, new_file

TWO = "## One\n\n## Two\n"
BOTH = {"one": new_file("one.py", "one = 1\n"), "two": new_file("two.py", "two = 2\n")}


@pytest.mark.parametrize(
    ("until", "states"),
    [
        ("plan", ["pending", "pending"]),
        ("code", ["completed", "completed"]),
        ("reconcile", ["completed", "completed"]),
        ("review", ["completed", "completed"]),
    ],
)
def test_until_a_stage_and_then_on(
    repo: Repo, refactory: Refactory, scripted: Any, until: str, states: list[str]
) -> None:
    scripted(**BOTH)
    done = refactory.data("run", "--title", "T", "--from", "-", "--until", until, input=TWO)
    assert done["stage"] == until
    assert [task["state"] for task in done["status"]["tasks"]] == states
    assert repo.git("ls-tree", "--name-only", "main").split() == ["calc.py", "tests"]
    assert refactory.data("run", "1")["stage"] == "launch"
    assert {"one.py", "two.py"} <= set(repo.git("ls-tree", "--name-only", "main").split())


def test_a_plan_is_shown_with_its_warnings_and_how_to_go_on(refactory: Refactory) -> None:
    said = refactory.ok(
        "run", "--title", "T", "--from", "-", "--until", "plan", input="- [x] Old\n- [ ] New\n"
    ).out
    assert "ticked, so left out: `Old`" in said
    assert "\nnext: `refactory run 1` goes on\n" in said


def test_what_fails_is_named_and_the_rest_lands(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(one=BOTH["one"], two="--- a/nowhere.py\n+++ b/nowhere.py\n@@ -1 +1 @@\n-a\n+b\n")
    done = refactory.run("run", "--title", "T", "--from", "-", "--json", input=TWO)
    assert done.code == 7
    one, two = done.data["status"]["tasks"]
    assert (one["state"], two["state"], two["attempts"]) == ("merged", "failed", 3)
    assert "nowhere.py" in two["feedback"]
    assert "one.py" in repo.git("ls-tree", "--name-only", "main").split()
    scripted(two=BOTH["two"])
    refactory.ok("run", "1")
    assert "two.py" in repo.git("ls-tree", "--name-only", "main").split()
    assert refactory.data("request:show", "1")["state"] == "done"


def test_nothing_lands_when_everything_fails(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(one="no diff at all\n")
    head = repo.git("rev-parse", "main")
    done = refactory.run("run", "--title", "T", "--from", "-", "--json", input="## One\n")
    assert done.code == 1
    assert repo.git("rev-parse", "main") == head


def test_red_tests_go_back_with_their_output(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    broken = "--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a + b\n+    return a - b\n"
    scripted(one=[broken, new_file("one.py", "one = 1\n")])
    done = refactory.data("run", "--title", "T", "--from", "-", input="## One\n")
    (task,) = done["status"]["tasks"]
    assert (task["state"], task["attempts"]) == ("merged", 2)
    pulls = sorted((repo.path / ".refactory" / "pulls").glob("*.yaml"))
    first = pulls[0].read_text()
    assert "verdict: failed" in first
    assert "test_add" in first, "the failing test's output is on record"
    assert repo.show("calc.py", "main").endswith("return a + b")


def test_a_repository_without_tests_fails_honestly(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(one=BOTH["one"])
    repo.git("rm", "-rq", "tests")
    repo.git("commit", "-qm", "no tests")
    done = refactory.run("run", "--title", "T", "--from", "-", input="## One\n")
    assert done.code == 1
    assert "set test.command, or test.required: false" in done.out, "what to do about it"
    status = refactory.data("plan:status", "1")
    assert status["plan"]["state"] == status["request"]["state"] == "failed"
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("test:\n  required: false\n")
    again = refactory.data("run", "1")
    assert [finding["rule"] for finding in again["status"]["review"]["findings"]] == ["tested"]


def test_a_gate_waits_for_approval(refactory: Refactory, repo: Repo, scripted: Any) -> None:
    scripted(one=BOTH["one"])
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("planner:\n  approval: required\n")
    done = refactory.run("run", "--title", "T", "--from", "-", input="## One\n")
    assert done.code == 4
    assert "plan:approve 1" in done.err
    refactory.ok("plan:approve", "1")
    refactory.ok("run", "1")


def test_plain_progress_is_lines_on_stderr(refactory: Refactory, scripted: Any) -> None:
    scripted(one=BOTH["one"])
    done = refactory.ok("run", "--title", "T", "--from", "-", "--progress", "plain", input="## One\n")
    lines = done.err.splitlines()
    assert lines[0] == "stage: plan"
    assert "task 1 completed (coder-1): One" in lines
    assert refactory.ok("run", "1").err == "", "none when stderr is no terminal"


def test_any_program_can_be_the_coder(repo: Repo, refactory: Refactory) -> None:
    """Told by environment, file and standard input; committed or not, what it changed is the result."""
    script = repo.path / ".git" / "coder.sh"
    script.write_text(
        'grep -q "Task: $REFACTORY_TASK_TITLE" || exit 9\n'
        'grep -q "\\"title\\": \\"One\\"" "$REFACTORY_TASK_FILE" || exit 8\n'
        "echo one >one.txt; git add one.txt; git -c user.name=x -c user.email=x@x commit -qm mine; echo two >two.txt\n"
    )
    config = repo.path / ".refactory" / "config.yaml"
    config.write_text(f"coder:\n  backend: command\n  command: sh {script}\n")
    done = refactory.data("run", "--title", "T", "--from", "-", input="## One\nscope: '*.txt'\n")
    assert done["status"]["tasks"][0]["state"] == "merged"
    assert {"one.txt", "two.txt"} <= set(repo.git("ls-tree", "--name-only", "main").split())
    assert "mine" not in repo.git("log", "--format=%s", "main").split(), "Refactory commits"


def test_a_command_outside_its_scope_is_refused(repo: Repo, refactory: Refactory) -> None:
    config = repo.path / ".refactory" / "config.yaml"
    config.write_text("coder:\n  backend: command\n  command: echo x >>calc.py; echo y >ok.txt\n")
    done = refactory.run("run", "--title", "T", "--from", "-", "--json", input="## One\nscope: ok.txt\n")
    assert done.code == 1
    task = done.data["status"]["tasks"][0]
    assert "outside the task's scope" in task["feedback"]
    assert "calc.py" in task["feedback"]
    backups = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/backup").split()
    assert backups, "what it had done is kept"


def test_a_command_that_never_ends_is_ended(repo: Repo, refactory: Refactory) -> None:
    config = repo.path / ".refactory" / "config.yaml"
    config.write_text(
        "budgets:\n  attempts: 1\ncoder:\n  backend: command\n  command: sleep 1000\n  seconds: 0.5\n"
    )
    done = refactory.run("run", "--title", "T", "--json")
    assert done.code == 1
    assert "ended after 0.5 s" in done.data["status"]["tasks"][0]["feedback"]


@pytest.mark.slow
def test_cancelling_what_is_missing_closes_the_request(refactory: Refactory, scripted: Any) -> None:
    scripted(one=BOTH["one"], two="no diff\n")
    assert refactory.run("run", "--title", "T", "--from", "-", input=TWO).code == 7
    assert refactory.data("request:show", "1")["state"] == "failed"
    refactory.ok("task:cancel", "2")
    assert refactory.data("request:show", "1")["state"] == "done"
    refactory.ok("run", "1")


def test_an_agent_started_by_hand_leaves_nothing_behind(refactory: Refactory, scripted: Any) -> None:
    scripted(one=BOTH["one"])
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n")
    refactory.ok("orchestrate", "1")
    refactory.ok("agent:coder", "--once")
    assert refactory.ok("doctor").out == "healthy\n"


@pytest.mark.slow
def test_what_the_review_gives_up_does_not_hold_back_the_rest(
    repo: Repo, refactory: Refactory, scripted: Any
) -> None:
    scripted(one=BOTH["one"], two=new_file("two.py", "<<<<<<< ours\n"))
    with (repo.path / ".refactory" / "config.yaml").open("a") as file:
        file.write("test:\n  command: 'true'\n")
    done = refactory.run("run", "--title", "T", "--from", "-", "--json", input=TWO)
    assert done.code == 7
    assert [task["state"] for task in done.data["status"]["tasks"]] == ["merged", "failed"]
    assert "conflict marker" in done.data["status"]["tasks"][1]["feedback"]


def test_a_pull_request_without_a_branch_does_not_hang_a_run(refactory: Refactory, scripted: Any) -> None:
    scripted(one=BOTH["one"], two=BOTH["two"])
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input=TWO)
    refactory.ok("orchestrate", "1", "--agents", "2")
    refactory.ok("pull:record", "coder-1", "--task-id", "1", "--pr-url", "https://example.com/1")
    assert refactory.run("run", "1").code == 7
    assert refactory.data("task:inspect", "2")["state"] == "merged"


@pytest.mark.parametrize("spoilt", ["a plan's name", "a circle", "a mere URL"])
def test_a_task_that_can_never_start_does_not_hang_a_run(
    refactory: Refactory, store: Store, scripted: Any, spoilt: str
) -> None:
    scripted(one=BOTH["one"], two=BOTH["two"])
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n\n## Two\ndepends_on: One\n")
    refactory.ok("orchestrate", "1")
    one, two = store.all(Task)
    if spoilt == "a mere URL":
        refactory.ok("pull:record", "coder-1", "--task-id", "1", "--pr-url", "https://example.com/1")
    else:
        change = {"depends_on": [two.key]} if spoilt == "a circle" else {"plan": "9-abcdefgh"}
        with store.transaction("by hand") as changes:
            changes.put(replace(one, **change))
    done = refactory.run("run", "1")
    assert done.code == Conflict.exit_code
    assert "plan 1 can't go on: task" in done.err
    assert "`refactory doctor`" in done.err


def test_what_a_tasks_own_gitignore_hides_is_named_and_kept(repo: Repo, refactory: Refactory) -> None:
    script = repo.path / ".git" / "coder.sh"
    script.write_text("echo 'da*' >.gitignore; echo 1 >data.txt; echo 2 >other.txt\n")
    (repo.path / ".refactory" / "config.yaml").write_text(
        f"coder:\n  backend: command\n  command: sh {script}\n"
    )
    refactory.ok("run", "--title", "T", "--from", "-", input="## One\n")
    assert {".gitignore", "other.txt"} <= set(repo.git("ls-tree", "--name-only", "main").split())
    (pull,) = refactory.data("task:inspect", "1")["attempted"]
    assert pull["ignored"] == ["data.txt"]
    review = refactory.data("plan:status", "1")["review"]
    assert [(found["rule"], found["severity"], found["file"]) for found in review["findings"]] == [
        ("newly-ignored", "note", "data.txt")
    ]
    (backup,) = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/backup").split()
    assert repo.git("diff-tree", "-r", "--name-only", pull["commit"], backup) == "data.txt"


def test_a_file_name_that_is_no_utf_8_fails_its_task_alone(repo: Repo, refactory: Refactory) -> None:
    script = repo.path / ".git" / "coder.sh"
    script.write_text("touch \"$(printf 'bad\\377.txt')\"; echo x >ok-$REFACTORY_TASK_ID.txt\n")
    (repo.path / ".refactory" / "config.yaml").write_text(
        f"budgets:\n  attempts: 1\ncoder:\n  backend: command\n  command: sh {script}\n"
    )
    tasks = "## One\nscope: ok-1.txt\n\n## Two\nscope: '*.txt'\n"
    done = refactory.run("run", "--title", "T", "--from", "-", "--json", input=tasks)
    assert done.code == 7
    one, two = done.data["status"]["tasks"]
    assert (one["state"], two["state"]) == ("failed", "merged")
    assert "bad\\xff.txt" in one["feedback"]


def test_no_stage_leaves_a_worktree_behind(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(one=BOTH["one"])
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--from", "-", input="## One\n")
    for command in (("orchestrate", "1", "--run"), ("reconcile", "1"), ("review", "1"), ("launch", "1")):
        refactory.ok(*command)
        assert refactory.run("doctor").out == "healthy\n", command


def test_a_run_of_what_is_done_clears_what_a_killed_one_left(
    repo: Repo, refactory: Refactory, scripted: Any
) -> None:
    scripted(one=BOTH["one"])
    refactory.ok("run", "--title", "T", "--from", "-", input="## One\n")
    pool = local(Store.open(repo.path)).pool
    with pool.checkout(repo.git("rev-parse", "main")):
        pass  # as a server leaves it that is killed while it tests
    assert refactory.run("doctor").code == 1
    refactory.ok("run", "1")
    assert refactory.run("doctor").out == "healthy\n"
