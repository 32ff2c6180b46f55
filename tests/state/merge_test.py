from __future__ import annotations

from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from agents.state_in_git.merge_driver import merge_texts
from state import lifecycle
from state.errors import InvalidFile
from state.merge import ORDER, Merged, merge
from state.record_files import encode, parse
from state.records import Assignment, Budgets, Orchestration, Plan, Record, Request, Task

R = TypeVar("R", bound=Record)

BASE = Task(key="3-bbbbbbbb", created="2026-01-01T00:00:00Z", plan="1-pppppppp", title="t")
KEYS = ("1-aaaaaaaa", "2-bbbbbbbb", "10-cccccccc", "3-dddddddd")

keys = st.sampled_from(KEYS)
words = st.sampled_from(["a", "b", "c"])
maybe = st.none() | words
lists = st.lists(words, max_size=4, unique=True)
tasks = st.builds(
    Task, key=st.just("3-bbbbbbbb"), created=st.just(BASE.created), plan=keys, title=words, detail=words,
    scope=lists, depends_on=st.lists(keys, unique=True), acceptance=lists,
    state=st.sampled_from(list(lifecycle.TASK)), orchestration=st.none() | keys, agent=maybe,
    attempts=st.integers(0, 3), base=maybe, branch=maybe, commit=maybe, pr_url=maybe,
    pulls=st.lists(keys, unique=True), feedback=words,
)  # fmt: skip


def whole(_: str, ours: str, theirs: str) -> tuple[str, str]:
    """Merges no text: git is too slow for a property."""
    return ours, theirs


def merged(base: R | None, ours: R, theirs: R) -> Merged:
    return merge(type(ours), encode(base) if base else b"", encode(ours), encode(theirs), merge_texts)


def clean(base: R | None, ours: R, theirs: R) -> R:
    found = merged(base, ours, theirs)
    assert found.conflicts == (), found.data.decode()
    assert found == merged(base, theirs, ours), "it is the same whichever side is ours"
    return parse(type(ours), found.data, "merged")


@given(tasks, tasks)
def test_where_one_side_changed_nothing_the_other_is_taken(base: Task, changed: Task) -> None:
    expected = Merged(encode(changed), ())
    sides = encode(base), encode(changed)
    assert merge(Task, sides[0], *sides, whole) == expected
    assert merge(Task, sides[0], sides[1], sides[0], whole) == expected
    assert merge(Task, sides[0], sides[1], sides[1], whole) == expected


@given(tasks, tasks, tasks)
def test_only_what_both_changed_can_be_in_conflict(base: Task, ours: Task, theirs: Task) -> None:
    """And where nothing is, the sides can be swapped."""
    found = merge(Task, encode(base), encode(ours), encode(theirs), whole)
    before, left, right = asdict(base), asdict(ours), asdict(theirs)
    both = {name for name in before if before[name] != left[name] != right[name] != before[name]}
    assert {name.lower() for name in found.conflicts} <= {name.replace("_", "") for name in both}
    swapped = merge(Task, encode(base), encode(theirs), encode(ours), whole)
    assert swapped.conflicts == found.conflicts
    if not found.conflicts:
        assert swapped == found
        parse(Task, found.data, "merged")


@given(tasks, tasks, tasks, st.sets(st.sampled_from(Task.__struct_fields__)))
def test_changes_of_different_fields_are_both_made(base: Task, one: Task, two: Task, mine: set[str]) -> None:
    """The state goes with the fields it rests on, if both moved it; so here only one side does."""
    chosen = {name: getattr(one, name) for name in mine}
    rest = {name: getattr(two, name) for name in Task.__struct_fields__ if name not in mine}
    found = merge(
        Task, encode(base), encode(replace(base, **chosen)), encode(replace(base, **rest)), whole
    )  # fmt: skip
    assert found == Merged(encode(replace(two, **chosen)), ())


@pytest.mark.parametrize(
    ("ours", "theirs", "wins"),
    [
        ("in_progress", "testing", "testing"),
        ("failed", "completed", "completed"),
        ("completed", "cancelled", "cancelled"),
        ("cancelled", "merged", "merged"),
    ],
)
def test_the_state_that_is_further_wins(ours: Any, theirs: Any, wins: str) -> None:
    assert clean(BASE, replace(BASE, state=ours), replace(BASE, state=theirs)).state == wins


def test_every_state_has_its_place() -> None:
    assert {kind: set(order) for kind, order in ORDER.items()} == {
        Request: set(lifecycle.REQUEST),
        Plan: set(lifecycle.PLAN),
        Task: set(lifecycle.TASK),
    }


def test_a_state_comes_with_what_it_rests_on() -> None:
    """Else a task could be merged without a commit: theirs was sent back meanwhile, which forgets it."""
    done = replace(BASE, state="completed", commit="c1", branch="b", agent="coder-1")
    ours = replace(done, state="merged")
    theirs = replace(done, state="assigned", commit=None, agent="coder-2", feedback="red")
    assert clean(done, ours, theirs) == ours


def test_two_results_of_one_task_are_a_conflict_of_the_commit_alone() -> None:
    ours = replace(BASE, state="completed", commit="c1", scope=["a"], pulls=["1-aaaaaaaa"])
    theirs = replace(BASE, state="completed", commit="c2", detail="more", pulls=["1-bbbbbbbb"])
    found = merged(BASE, ours, theirs)
    assert found.conflicts == ("commit",)
    text = found.data.decode()
    assert "<<<<<<< ours\ncommit: c1\n=======\ncommit: c2\n>>>>>>> theirs\npulls:\n" in text
    assert "detail: more\nscope:\n  - a\n" in text
    assert "  - 1-aaaaaaaa\n  - 1-bbbbbbbb\n" in text
    with pytest.raises(InvalidFile, match=r"x.yaml:\d+.*unresolved merge conflict"):
        parse(Task, found.data, "x.yaml")


def test_a_side_that_has_its_default_shows_no_line() -> None:
    base = replace(BASE, agent="a")
    text = merged(base, replace(base, agent="b"), replace(base, agent=None)).data.decode()
    assert "<<<<<<< ours\nagent: b\n=======\n>>>>>>> theirs\n" in text


def test_lists_are_sets_of_what_stays_and_what_comes() -> None:
    base = replace(BASE, depends_on=["1-aaaaaaaa", "2-bbbbbbbb"], scope=["x", "y"])
    ours = replace(base, depends_on=["2-bbbbbbbb", "10-cccccccc"], scope=["y", "x"])
    theirs = replace(base, depends_on=["1-aaaaaaaa", "2-bbbbbbbb", "3-dddddddd"], scope=["x", "y", "z"])
    found = clean(base, ours, theirs)
    assert found.depends_on == ["2-bbbbbbbb", "3-dddddddd", "10-cccccccc"]
    assert found.scope == ["y", "x", "z"], "the order is whose who changed it"


def test_two_new_orders_of_one_list_are_a_conflict() -> None:
    base = replace(BASE, acceptance=["a", "b", "c"])
    found = merged(base, replace(base, acceptance=["b", "a", "c"]), replace(base, acceptance=["a", "c", "b"]))
    assert found.conflicts == ("acceptance",)


def test_texts_are_merged_by_line() -> None:
    base = replace(BASE, detail="one\ntwo\nthree\nfour\n")
    ours = replace(base, detail="ONE\ntwo\nthree\nfour\n")
    theirs = replace(base, detail="one\ntwo\nthree\nFOUR\nfive\n")
    assert clean(base, ours, theirs).detail == "ONE\ntwo\nthree\nFOUR\nfive\n"


def test_in_a_text_in_conflict_the_rest_is_merged() -> None:
    base = replace(BASE, detail="one\ntwo\nthree\nfour\n")
    ours = replace(base, detail="1\ntwo\nthree\nfour\n")
    theirs = replace(base, detail="uno\ntwo\nthree\nFOUR\n")
    found = merged(base, ours, theirs)
    assert found.conflicts == ("detail",)
    assert found.data.decode().count("  FOUR\n") == 2, "both versions have the change that is no conflict"


@pytest.mark.parametrize("text", ["a\0\nb", "a\r\nb", "<<<<<<< ours\nx\n", "\u2028\n", "a\n"])
def test_odd_texts_stay_whole(text: str) -> None:
    base = replace(BASE, detail="x\n")
    found = merged(base, replace(base, detail=text), replace(base, detail=text + "more\n"))
    assert found.conflicts == ("detail",) or "more" in parse(Task, found.data, "merged").detail
    for line in encode(replace(base, detail=text)).splitlines():
        assert line in found.data


def test_one_record_renumbered_on_two_branches_gets_the_lower_number() -> None:
    ours, theirs = (replace(BASE, key=key, plan=key) for key in ("10-bbbbbbbb", "9-bbbbbbbb"))
    found = clean(replace(BASE, plan="3-bbbbbbbb"), ours, theirs)
    assert (found.key, found.plan) == ("9-bbbbbbbb", "9-bbbbbbbb")


def test_a_file_that_both_sides_made_has_the_defaults_as_its_base() -> None:
    """After a squash merge, say: one of them went on with it."""
    theirs = replace(BASE, state="completed", commit="c", pulls=["1-aaaaaaaa"])
    assert clean(None, BASE, theirs) == theirs


def test_one_task_is_assigned_once() -> None:
    base = Orchestration(key="1-oooooooo", plan="1-pppppppp", target_branch="main", base="0")
    first, second, other = (Assignment(task=t, agent=a) for t, a in (("1", "a"), ("1", "b"), ("2", "a")))
    both = clean(base, replace(base, assignments=[first]), replace(base, assignments=[other]))
    assert both.assignments == [first, other]
    found = merged(base, replace(base, assignments=[first]), replace(base, assignments=[second]))
    assert found.conflicts == ("assignments",)


def test_parts_are_taken_whole() -> None:
    """A mix of two runs' numbers would be true of neither."""
    base = Orchestration(key="1-oooooooo", plan="1-pppppppp", target_branch="main", base="0")
    found = merged(base, replace(base, budgets=Budgets(tokens=1)), replace(base, budgets=Budgets(minutes=1)))
    assert found.conflicts == ("budgets",)


@pytest.mark.parametrize("bad", [b"", b"\xff", b"a: [", b"key: 1-aaaaaaaa\nwhat: is this\n", b"<<<<<<< x\n"])
def test_a_side_that_is_no_record_is_an_error(bad: bytes) -> None:
    with pytest.raises(InvalidFile):
        merge(Task, encode(BASE), encode(BASE), bad, whole)
