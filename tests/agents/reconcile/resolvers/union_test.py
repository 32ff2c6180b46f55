from __future__ import annotations

from pathlib import Path

import pytest

from agents.reconcile.resolvers import union
from state.config import Reconcile
from tests.agents.reconcile.resolvers.clashes import clash

RESOLVE = union.resolver(Reconcile().union)
SIDES = ("# Changes\n", "# Changes\n- one\n", "# Changes\n- two\n")


@pytest.mark.parametrize("path", ["CHANGELOG.md", "docs/CHANGES", "pkg/HISTORY.rst", "NEWS", "changelog.txt"])
def test_both_entries_of_a_changelog_are_kept(tmp_path: Path, path: str) -> None:
    done = RESOLVE(clash(tmp_path, *SIDES, path=path))
    assert (done.content.decode(), done.by) == ("# Changes\n- one\n- two\n", ("union",))


@pytest.mark.parametrize("path", ["changes.py", "CHANGES.c", "NEWS.json", "src/main.md.py", "README.md"])
def test_never_for_code(tmp_path: Path, path: str) -> None:
    found = clash(tmp_path, *SIDES, path=path)
    assert RESOLVE(found) == found


def test_what_a_side_removed_does_not_come_back(tmp_path: Path) -> None:
    found = clash(tmp_path, "old\n", "one\n", "old\ntwo\n", path="NEWS")
    assert RESOLVE(found) == found


def test_the_same_entry_is_there_once(tmp_path: Path) -> None:
    found = clash(tmp_path, "# C\n", "# C\n- same\n- one\n", "# C\n- two\n- same\n", path="NEWS")
    assert sorted(RESOLVE(found).content.decode().split("\n")) == sorted(
        ["# C", "- one", "- same", "- two", ""]
    )
