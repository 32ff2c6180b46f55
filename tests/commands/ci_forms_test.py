"""A plan as CI systems read it: JUnit XML and Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from msgspec.structs import replace

from agents.test_runs import junit
from commands._junit import junit as as_junit
from commands._status import Status
from commands._summary import markdown
from state.records import Ejected, Finding, Orchestration, Outcome, Plan, Request, Review, Task, Tests
from tests.conftest import Refactory, new_file

KEY = "1-aaaaaaaa"


def status(*tasks: Task, title: str = "T", **more: Any) -> Status:
    plan = Plan(key=KEY, request=KEY, state="orchestrated", tasks=[task.key for task in tasks])
    return Status(plan=plan, request=Request(key=KEY, title=title), tasks=list(tasks), **more)


def task(number: int, state: Any, title: str = "Do", feedback: str = "") -> Task:
    return Task(key=f"{number}-aaaaaaaa", plan=KEY, title=title, state=state, feedback=feedback)


TASKS = [
    task(1, "merged"),
    task(2, "failed", 'Say "<b>" & \x07', "The tests failed:\n1 < 2 \x00 ]]>"),
    task(3, "blocked", feedback="task 2 did not succeed"),
    task(4, "assigned"),
    task(5, "cancelled"),
]


def test_each_task_is_a_case(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(as_junit(status(*TASKS, title="a|b")), encoding="utf-8")
    counts = junit.read(path)
    assert counts is not None
    assert (counts.passed, counts.failed, counts.skipped, counts.unreadable) == (1, 2, 2, ())
    failures = {failure.name: failure.message for failure in counts.failures}
    assert "1 < 2" in failures['plan 1: tasks::2 Say "<b>" & \ufffd']


def test_what_is_left_out_and_a_rejection_are_failures() -> None:
    outcome = Outcome(
        state="partial", branch="b", onto="0", commit="0",
        ejected=[Ejected(task="2-aaaaaaaa", reason="conflict", detail="in a.py")],
        tests=Tests(verdict="passed", passed=3, failed=0),
    )  # fmt: skip
    orchestration = Orchestration(key=KEY, plan=KEY, target_branch="main", base="0", outcome=outcome)
    finding = Finding(rule="secret", severity="error", message="looks like a password", file="a.py", line=2)
    review = Review(key=KEY, plan=KEY, orchestration=KEY, commit="0", verdict="rejected", findings=[finding])
    given = status(*TASKS, orchestration=orchestration, review=review)
    root = ElementTree.fromstring(as_junit(given))
    names = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert names[2:] == ["task 2 is in it", "review"]
    page = markdown(given)
    assert "Combination: partial; tests passed, 3 passed, 0 failed" in page
    assert "| error | a.py:2 | secret | looks like a password |" in page
    nothing = replace(orchestration, outcome=replace(outcome, state="failed", tests=None))
    assert "\n\nCombination: failed\n\nLeft out:" in markdown(status(*TASKS, orchestration=nothing))


def test_titles_are_no_markup() -> None:
    page = markdown(status(task(1, "failed", "a | b <img src=x> [x](y)", "no\nmore"), title="`x`"))
    assert r"a \| b \<img src=x\> \[x\](y): no more" in page


def test_a_run_tells_the_page_of_its_job(refactory: Refactory, scripted: Any, tmp_path: Path) -> None:
    scripted(one=new_file("one.py", "one = 1\n"))
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    program = Refactory(refactory.folder, {"GITHUB_STEP_SUMMARY": str(page)})
    done = program.ok("run", "--title", "One", "--format", "junit")
    assert ElementTree.fromstring(done.out).get("failures") == "0"
    said = page.read_text()
    assert said.startswith("before\n## Plan 1: One")
    assert "| 1 | merged | coder-1 | 1 | One |" in said
    assert program.ok("plan:status", "1", "--format", "markdown").out.strip() in said
    lost = Refactory(refactory.folder, {"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "folder")})
    assert "GITHUB_STEP_SUMMARY: No such file" in lost.ok("run", "1").err
