"""What a pull request says of a plan, whatever its records hold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agents.forge.body import body, title
from agents.forge.place import Place
from agents.git.refs import task_branch
from state.records import (
    Ejected,
    Finding,
    Landed,
    Orchestration,
    Outcome,
    Plan,
    Request,
    Resolved,
    Review,
    Task,
    Tests,
)
from state.store import Store

HERE = Place("github", "https://github.com", "acme/shop")
EVIL = "a | b @everyone fixes #12 <script>`x` [y](z)\n# head"


@pytest.fixture
def records(store: Store) -> tuple[Store, Plan, Orchestration, Review]:
    with store.transaction("test") as changes:
        request = changes.new(
            Request, title=EVIL.splitlines()[0], issue="https://github.com/acme/shop/issues/7"
        )
        plan = changes.new(Plan, request=request.key)
        done = changes.new(Task, plan=plan.key, title="Done", agent="coder-1", attempts=2, commit="c" * 40)
        left = changes.new(Task, plan=plan.key, title=EVIL)
        outcome = Outcome(
            state="partial",
            branch="refactory/plans/1",
            onto="a" * 40,
            commit="b" * 40,
            landed=[Landed(task=done.key, commit="d" * 40, resolved=[Resolved(file="x`.md", by=["union"])])],
            ejected=[
                Ejected(
                    task=left.key,
                    reason="conflict",
                    detail=EVIL,
                    files=["x.py"],
                    against=[task_branch(done.key), "an/agents-own", "e" * 40],
                )
            ],
            tests=Tests(verdict="passed", commands=["pytest"], passed=12, flaky=["t::x"]),
        )
        orchestration = changes.new(
            Orchestration, plan=plan.key, target_branch="main", base="a" * 40, outcome=outcome
        )
        review = changes.new(
            Review,
            plan=plan.key,
            orchestration=orchestration.key,
            commit="b" * 40,
            reviewers=["rules"],
            verdict="approved",
            findings=[Finding(rule="size", severity="warning", message=EVIL, file="big.bin", line=3)],
        )
    return store, plan, orchestration, review


def test_it_says_what_came_and_what_was_left_out(records: tuple[Store, Plan, Orchestration, Review]) -> None:
    text = body(*records, HERE)
    assert "| 1 | Done | coder-1 | 2 | `cccccccccccc` | not tested | merged: `` x`.md `` by union |" in text
    assert "### Left out" in text
    assert "| conflict |" in text
    assert f"`x.py`; against 1, `an/agents-own`, `{'e' * 40}`" in text
    assert "passed (12 passed): `pytest`; flaky: `t::x`" in text
    assert "- warning `big.bin:3` " in text
    assert "b" * 40 in text
    assert body(*records, HERE) == text


def test_texts_of_others_are_text_only(records: tuple[Store, Plan, Orchestration, Review]) -> None:
    text = body(*records, HERE)
    for harm in ("@everyone", "#12", "<script>", "[y](z)", "| a | b", "\n# head"):
        assert harm not in text
    heading = title(records[0].get(Request, records[1].request))
    assert heading == "a | b @\u200beveryone fixes #\u200b12 <script>`x` [y](z)"


def test_an_issue_is_closed_by_all_of_it_only(records: tuple[Store, Plan, Orchestration, Review]) -> None:
    store, plan, orchestration, review = records
    assert "Part of #7" in body(*records, HERE)
    assert orchestration.outcome is not None
    whole = replace(orchestration, outcome=replace(orchestration.outcome, state="complete", ejected=[]))
    assert "Closes #7" in body(store, plan, whole, review, HERE)
    elsewhere = Place("github", HERE.url, "acme/other")
    assert "For https://github.com/acme/shop/issues/7" in body(store, plan, whole, review, elsewhere)


def test_it_is_never_too_long_for_a_forge(records: tuple[Store, Plan, Orchestration, Review]) -> None:
    store, plan, orchestration, review = records
    many = [Finding(rule="size", severity="note", message="m" * 299) for _ in range(400)]
    text = body(store, plan, orchestration, replace(review, findings=many), HERE)
    assert len(text) < 65_536
    assert text.endswith("(cut: it was too long for a pull request)")
