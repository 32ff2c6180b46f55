from __future__ import annotations

from pathlib import Path

import pytest

from agents.reconcile.resolvers.zero_context import resolve
from tests.agents.reconcile.resolvers.clashes import clash

BASE = "a\nb\nc\nd\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        ("a\nB\nc\nd\n", "a\nb\nC\nd\n", "a\nB\nC\nd\n"),
        ("a\nb\none\nc\nd\n", "a\nb\ntwo\nc\nd\n", "a\nb\none\ntwo\nc\nd\n"),
        ("a\none\nb\nc\nd\n", "a\nB\nc\nd\n", "a\none\nB\nc\nd\n"),
        ("a\nc\nd\n", "a\nb\ntwo\nc\nd\n", "a\ntwo\nc\nd\n"),
        ("a\nb\nc\nd\none", "a\nb\nc\nd\ntwo", "a\nb\nc\nd\none\ntwo"),
        ("a\nsame\nc\nd\none\n", "a\nsame\nc\nd\ntwo\n", "a\nsame\nc\nd\none\ntwo\n"),
        ("a\none\nb\nC\nd\n", "a\none\ntwo\nb\nc\nd\n", "a\none\ntwo\nb\nC\nd\n"),
        ("a\none\ntwo\nb\nC\nd\n", "a\ntwo\nb\nc\nd\n", "a\none\ntwo\nb\nC\nd\n"),
        ("a\n}\nb\nC\nd\n", "a\n}\n}\nb\nc\nd\n", "a\n}\n}\n}\nb\nC\nd\n"),
    ],
    ids=[
        "neighbours",
        "same place",
        "insertion before a change",
        "removed beside",
        "no last newline",
        "same",
        "one is how the other begins",
        "one is how the other ends",
        "without a word nothing tells that it is the same",
    ],
)
def test_changes_that_only_touch_are_both_kept(tmp_path: Path, ours: str, theirs: str, merged: str) -> None:
    found = clash(tmp_path, BASE, ours, theirs)
    assert found.is_open, "git alone must have given up"
    done = resolve(found)
    assert (done.is_open, done.by) == (False, ("zero-context",))
    assert done.content.decode().rstrip("\n") == merged.rstrip("\n")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a\nB\nc\nd\n", "a\nbb\nc\nd\n"),
        ("a\nd\n", "a\nb\nnew\nc\nd\n"),
        ("a\nd\n", "a\nb\nd\n"),
    ],
    ids=["both change a line", "inserted inside what the other removes", "both remove a line"],
)
def test_what_really_clashes_stays_open(tmp_path: Path, ours: str, theirs: str) -> None:
    found = clash(tmp_path, BASE, ours, theirs)
    assert found.is_open
    assert resolve(found) == found


def test_two_new_files_are_not_put_one_after_the_other(tmp_path: Path) -> None:
    found = clash(tmp_path, "", "one\n", "two\n", kind="both add")
    assert resolve(found) == found


def test_one_region_is_closed_and_the_other_left(tmp_path: Path) -> None:
    base = "a\nb\n" + "\n".join("12345678") + "\nc\n"
    found = clash(
        tmp_path,
        base,
        base.replace("a\n", "a\none\n").replace("c\n", "C\n"),
        base.replace("a\n", "a\ntwo\n").replace("c\n", "cc\n"),
    )
    done = resolve(found)
    assert (len(found.regions), len(done.regions)) == (2, 1)
