"""Keys, and where their numbers end."""

from __future__ import annotations

import pytest

from state.errors import Conflict
from state.keys import is_key, new_key
from state.records import Request, Task
from state.renumber import renumber
from state.store import Store
from tests.conftest import Refactory

LAST = 999_999_999


def put(store: Store, *keys: str) -> None:
    with store.transaction("test") as changes:
        for key in keys:
            changes.put(Request(key=key, created="2026-11-22T10:00:00Z", title=key))


def test_the_last_number_makes_a_key() -> None:
    assert is_key(new_key(LAST))


def test_after_the_last_number_nothing_is_written_that_nobody_would_see(
    refactory: Refactory, store: Store
) -> None:
    """Such a record may come with any merge."""
    put(store, f"{LAST}-aaaaaaaa")
    done = refactory.run("request:create", "--title", "one more")
    assert (done.code, done.out) == (4, "")
    assert f"no number after {LAST}" in done.err
    assert [path.stem for path in (store.location.records / "requests").iterdir()] == [f"{LAST}-aaaaaaaa"]


def test_no_record_is_renumbered_out_of_sight(store: Store, refactory: Refactory) -> None:
    put(store, f"{LAST}-aaaaaaaa", "1-cccccccc", "1-bbbbbbbb")
    with pytest.raises(Conflict, match="no number after"):
        renumber(store)
    assert store.keys(Request) == ["1-bbbbbbbb", "1-cccccccc", f"{LAST}-aaaaaaaa"]
    done = refactory.run("doctor", "--fix")
    assert done.code == 1
    assert "numbers can't be checked: there is no number after" in done.out


def test_a_reference_that_is_no_key_is_told_by_doctor_and_no_bug(refactory: Refactory, store: Store) -> None:
    with store.transaction("test") as changes:
        task = changes.new(Task, plan="foo", title="x")
    for command in ("tasks:list", "task:inspect 1"):
        done = refactory.run(*command.split())
        assert done.code == 2
        assert "'foo', which is no record's key" in done.err and "doctor" in done.err
    assert f"tasks/{task.key} refers to plans/foo, which is not there" in refactory.run("doctor").out
