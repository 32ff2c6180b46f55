from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agents.reconcile.resolvers.check import has_markers, lost_lines
from agents.reconcile.resolvers.clash import lines_of
from tests.agents.reconcile.resolvers.clashes import clash

BASE = "a\nb\nc\nd\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "merged", "lost"),
    [
        ("a\nB\nc\nd\n", "a\nb\nC\nd\n", "a\nB\nC\nd\n", []),
        ("a\nB\nc\nd\n", "a\nb\nC\nd\n", "a\nB\nc\nd\n", ["C"]),
        ("a\nb\none\nc\nd\n", "a\nb\ntwo\nc\nd\n", "a\nb\none\nc\nd\n", ["two"]),
        ("a\nB\nc\nd\n", "a\nb\nC\nd\n", "B\nC\nd\n", ["a"]),
        ("a\nx\nb\nc\nd\n", "a\nx\nb\nc\nd\nx\n", "a\nx\nb\nc\nd\n", ["x"]),
        ("a\nb\nd\n", "a\nb\nd\n", "a\nb\nd\n", []),
        ("a\n\nb\nc\nd\n", BASE, BASE, []),
        ("a\r\nB\r\n", "a\nb\n", "a\nB\n", []),
    ],
)
def test_lines_that_a_side_added_or_both_kept(
    tmp_path: Path, ours: str, theirs: str, merged: str, lost: list[str]
) -> None:
    found = replace(clash(tmp_path, BASE, ours, theirs), parts=(lines_of(merged.encode()),))
    assert lost_lines(found) == lost


@pytest.mark.parametrize("line", ["<<<<<<< ours", "=======", ">>>>>>> theirs", "||||||| base"])
def test_conflict_markers_are_seen_unless_a_side_had_them(tmp_path: Path, line: str) -> None:
    found = clash(tmp_path, "a\n", "b\n", "c\n")
    assert has_markers(replace(found, parts=(lines_of(f"b\n{line}\n".encode()),)))
    had = clash(tmp_path, "a\n", f"b\n{line}\n", "c\n")
    assert not has_markers(replace(had, parts=(lines_of(f"b\n{line}\nc\n".encode()),)))
