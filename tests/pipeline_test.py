"""The whole way, by the real program."""

from __future__ import annotations

from typing import Any

from state.records import Orchestration, Pull, Review, Task
from state.store import Store
from tests.conftest import Refactory, Repo, new_file

TASKS = """\
## Add mul
scope: mul.py

## Add sub
scope: sub.py

## Document it
depends on: 1, 2
scope: README.md
"""


def test_a_request_becomes_merged_code(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(
        add_mul=new_file("mul.py", "def mul(a, b):\n    return a * b\n"),
        add_sub=new_file("sub.py", "def sub(a, b):\n    return a - b\n"),
        document_it=new_file("README.md", "add, sub, mul\n"),
    )
    done = refactory.data("run", "--title", "Calculator", "--from", "-", input=TASKS)
    assert done["stage"] == "launch"
    assert [task["state"] for task in done["status"]["tasks"]] == ["merged"] * 3
    assert repo.show("README.md", "main") == "add, sub, mul"
    assert (repo.path / "mul.py").exists(), "the working tree on main follows"
    assert repo.git("status", "--porcelain", "--untracked-files=no") == ""
    assert "Refactory-Task: " in repo.git("log", "-3", "--format=%B")
    assert repo.git("worktree", "list").count("\n") == 0, "no worktree is left"


def test_the_culprit_of_a_red_combination_is_sent_back(
    repo: Repo, refactory: Refactory, scripted: Any
) -> None:
    """Both are green alone; together a test of one sees the other's file."""
    check = "import unittest, os\n\n\nclass C(unittest.TestCase):\n    def test_one(self):\n"
    scripted(
        one=new_file("tests/test_one.py", check + "        self.assertFalse(os.path.exists('bad.py'))\n"),
        two=[new_file("bad.py", "x = 1\n"), new_file("good.py", "x = 1\n")],
    )
    done = refactory.data("run", "--title", "T", "--from", "-", input="## One\n\n## Two\n")
    two = done["status"]["tasks"][1]
    assert two["attempts"] == 2
    assert done["status"]["orchestration"]["outcome"]["state"] == "complete"
    assert repo.git("ls-tree", "--name-only", "main").split() == ["calc.py", "good.py", "tests"]
    backups = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/backup")
    assert two["key"] in backups, "the first attempt's commit is kept"


def test_a_change_that_two_tasks_make_is_merged_for_both(
    repo: Repo, refactory: Refactory, scripted: Any
) -> None:
    scripted(one=new_file("x.txt", "x\n"), two=new_file("x.txt", "x\n"))
    done = refactory.data("run", "--title", "T", "--from", "-", input="## One\n\n## Two\n")
    assert [task["state"] for task in done["status"]["tasks"]] == ["merged", "merged"]
    assert done["status"]["plan"]["state"] == done["status"]["request"]["state"] == "done"


def test_what_conflicts_to_the_end_is_named_with_its_conflict(
    repo: Repo, refactory: Refactory, scripted: Any
) -> None:
    """The later of two tasks that change the same line gives the same answer whatever it is told."""
    scripted(one=change("    return b + a\n"), two=change("    return sum((a, b))\n"))
    tasks = "## One\n\n## Two\n"
    done = refactory.run("run", "--title", "T", "--from", "-", "--until", "reconcile", "--json", input=tasks)
    assert done.code == 7
    outcome = done.data["status"]["orchestration"]["outcome"]
    assert [len(outcome["landed"]), len(outcome["ejected"])] == [1, 1]
    assert done.data["status"]["tasks"][1]["attempts"] == 3, "its attempts are bounded"
    assert "it conflicts with task 1 in calc.py" in outcome["ejected"][0]["detail"]


def change(line: str) -> str:
    return f"--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a + b\n+{line}"


def test_a_red_base_stops_nobody(repo: Repo, refactory: Refactory, store: Store, scripted: Any) -> None:
    """One test fails on the base already: the work lands, and the review says so. A new failure does not land."""
    old = "import unittest\n\n\nclass Old(unittest.TestCase):\n    def test_old(self):\n        self.fail('old')\n"
    repo.commit({"tests/test_old.py": old})
    bad = old.replace("Old", "New").replace("test_old", "test_new")
    scripted(good=new_file("good.py", "x = 1\n"), bad=new_file("tests/test_new.py", bad))
    done = refactory.run("run", "--title", "T", "--from", "-", input="## Good\n\n## Bad\n")
    assert done.code == 7
    good, bad_one = store.all(Task)
    assert (good.state, bad_one.state) == ("merged", "failed")
    pull = store.get(Pull, good.pulls[0])
    assert pull.tests and pull.tests.base_failures == ["test_old (test_old.Old.test_old)"]
    (review,) = store.all(Review)
    assert [(one.rule, one.severity) for one in review.findings] == [("tested", "warning")]
    (orchestration,) = store.all(Orchestration)
    assert orchestration.outcome and orchestration.outcome.tests
    assert orchestration.outcome.tests.base_failures
