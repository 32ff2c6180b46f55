"""The page is whole, needs nothing else, and takes every text for a text."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from commands._report.chart import chart, duration
from commands._report.graph import graph
from commands._report.page import page
from commands._report.report import Report
from commands._report.timeline import Bar, bars
from commands._status import Status
from state.audit_entries import Entry
from state.records import Finding, Plan, Pull, Request, Review, SentBack, Task, Tests
from tests.conftest import Refactory, new_file

KEY = "1-aaaaaaaa"
EVIL = """</title><script>alert(1)</script>"'><img src=x onerror=alert(2)> {{ 7*7 }} \x1b[2J &amp;"""
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Wants every element closed in order; keeps tags, attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def task(number: int, *after: int, state: Any = "merged", title: str = "Do") -> Task:
    depends = [f"{other}-aaaaaaaa" for other in after]
    return Task(
        key=f"{number}-aaaaaaaa", plan=KEY, title=title, state=state, agent="coder-1", depends_on=depends
    )


def step(second: int, record: str, frm: str | None, to: str, command: str = "x") -> Entry:
    at = f"2026-11-28T10:{second // 60:02}:{second % 60:02}Z"
    return Entry(at=at, command=command, record=record, frm=frm, to=to, file="f", line=1)


def pull(number: int, at: int, **more: Any) -> Pull:
    created = f"2026-11-28T10:{at // 60:02}:{at % 60:02}Z"
    return Pull(
        key=f"{number}-aaaaaaaa", created=created, task="1-aaaaaaaa", agent="coder-1", attempt=number, **more
    )


def report(*tasks: Task, title: str = "T", steps: tuple[Entry, ...] = (), **more: Any) -> Report:
    plan = Plan(key=KEY, request=KEY, state="orchestrated", tasks=[task.key for task in tasks])
    pulls = more.pop("pulls", [])
    status = Status(plan=plan, request=Request(key=KEY, title=title), tasks=list(tasks), **more)
    return Report(status=status, attempts=pulls, steps=list(steps))


TWO_ATTEMPTS = (
    step(0, "tasks/1-aaaaaaaa", "assigned", "in_progress", "agent:coder"),
    step(10, "tasks/1-aaaaaaaa", "in_progress", "assigned", "pull:record"),
    step(20, "tasks/1-aaaaaaaa", "assigned", "in_progress", "agent:coder"),
    step(30, "tasks/1-aaaaaaaa", "in_progress", "testing", "pull:record"),
    step(45, "tasks/1-aaaaaaaa", "testing", "completed", "tests:record"),
    step(50, f"orchestrations/{KEY}", None, "recorded", "reconcile"),
)
PASSED = Tests(verdict="passed", tester="tester-1", commands=["true"])


def test_bars_are_what_the_log_says() -> None:
    pulls = [pull(1, 10, failure="no"), pull(2, 30, commit="c" * 40, tests=PASSED)]
    found = bars(report(task(1), steps=TWO_ATTEMPTS, pulls=pulls))
    begin = found[0].begin
    assert [(bar.lane, bar.begin - begin, bar.end - begin, bar.result) for bar in found] == [
        ("coder-1", 0, 10, "bad"),
        ("coder-1", 20, 30, "good"),
        ("tester-1", 30, 45, "good"),
        ("reconciler", 45, 50, "open"),
    ]


def test_good_work_that_was_sent_back_is_told_apart() -> None:
    sent = SentBack(why="red", reason="r")
    found = bars(report(task(1), steps=TWO_ATTEMPTS, pulls=[pull(2, 30, commit="c" * 40, sent_back=sent)]))
    assert [bar.result for bar in found[:2]] == ["bad", "back"]


def test_a_tester_has_one_task_at_a_time() -> None:
    steps = [
        step(0, "tasks/1-aaaaaaaa", "in_progress", "testing"),
        step(0, "tasks/2-aaaaaaaa", "in_progress", "testing"),
        step(5, "tasks/1-aaaaaaaa", "testing", "completed"),
        step(9, "tasks/2-aaaaaaaa", "testing", "completed"),
    ]
    first = pull(1, 0, tests=PASSED)
    second = Pull(key="2-aaaaaaaa", task="2-aaaaaaaa", agent="coder-1", attempt=1, tests=PASSED)
    one, two = bars(report(task(1), task(2), steps=tuple(steps), pulls=[first, second]))
    assert (two.begin, two.end - two.begin) == (one.end, 4)


def test_a_night_between_two_runs_takes_no_room() -> None:
    day = [Bar("coder-1", 0, 100, "good", "1", ""), Bar("coder-1", 40_000, 40_100, "good", "2", "")]
    drawn = chart(day)
    assert [cut.label for cut in drawn.cuts] == ["11 h 5 min"]
    first, second = drawn.bars
    assert first.width == second.width > 400
    assert second.x + second.width <= drawn.width


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (90000, "1 d 1 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_tasks_stand_to_the_right_of_what_they_wait_for() -> None:
    drawn = graph([task(1), task(2, 1), task(3, 1), task(4, 2, 3), task(5)])
    x = {node.number: node.x for node in drawn.nodes}
    assert x[1] == x[5] < x[2] == x[3] < x[4]
    places = {(node.x, node.y) for node in drawn.nodes}
    assert len(places) == 5
    assert len(drawn.edges) == 4
    assert len(graph([task(1, 2), task(2, 1)]).nodes) == 2, "a damaged plan"


def test_an_order_alone_is_a_dashed_edge() -> None:
    tasks = [task(1), task(2, 1), replace(task(3), after=["1-aaaaaaaa", "2-aaaaaaaa"])]
    drawn = graph(tasks)
    assert [edge.dashed for edge in drawn.edges] == [False, True, True]
    assert [node.x < other.x for node, other in pairwise(drawn.nodes)] == [True, True]
    html = page(report(*tasks))
    assert html.count('class="edge after"') == 2
    assert "Dashed: after, an order alone." in Reader(html).text


def test_every_text_is_only_a_text() -> None:
    evil = Finding(rule=EVIL, severity="error", message=EVIL, file=EVIL, task=KEY, suggested_task=EVIL)
    review = Review(key=KEY, plan=KEY, orchestration=KEY, commit=EVIL, verdict="rejected", findings=[evil])
    tests = Tests(verdict="failed", tester=EVIL, output=EVIL, failures=[EVIL], flaky=[EVIL])
    pulls = [pull(1, 10, failure=EVIL * 5), pull(2, 30, commit=EVIL, tests=tests, backend=EVIL)]
    html = page(report(task(1, title=EVIL), title=EVIL, steps=TWO_ATTEMPTS, pulls=pulls, review=review))
    read = Reader(html)
    assert {"script", "img"}.isdisjoint(read.tags)
    assert "{{ 7*7 }}" in read.text
    assert "\x1b" not in html
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_a_page_of_a_run_shows_all_and_needs_nothing(
    refactory: Refactory, scripted: Any, tmp_path: Path
) -> None:
    scripted(one=["no diff\n", new_file("one.py", "one = 1  # TODO\n")], two=new_file("two.py", "two = 2\n"))
    tasks = "## One\n\n## Two\ndepends on: 1\n"
    refactory.ok("run", "--title", "Both of them", "--from", "-", input=tasks)
    assert refactory.ok("report", "1").out.strip() == "written: refactory-plan-1.html"
    html = (refactory.folder / "refactory-plan-1.html").read_text()
    read = Reader(html)
    for said in ("Both of them", "2 of 2", "coder-1", "tester-", "leaves a TODO", "1.md: ", "+1"):
        assert said in read.text
    assert {"script", "img", "link", "iframe"}.isdisjoint(read.tags)
    assert {"src", "href", "srcset"}.isdisjoint(name for name, _ in read.attributes)
    assert "url(" not in html.replace("url(#arrow)", "")
    assert refactory.ok("report", "1", "--output", "-").out.strip() == html.strip()
    assert refactory.run("report", "1", "-o", str(tmp_path / "no" / "folder")).code == 2
    data = refactory.data("report", "1", "-o", str(tmp_path / "x.html"))
    assert [attempt["attempt"] for attempt in data["attempts"]] == [1, 2, 1]


def test_a_plan_that_nobody_began_has_a_page(refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "T", "--description", "x")
    refactory.ok("plan:create", "1")
    assert "0 of 1" in Reader(refactory.ok("report", "1", "-o", "-").out).text
