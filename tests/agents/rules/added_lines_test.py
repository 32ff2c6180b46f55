from __future__ import annotations

import pytest

from agents.git.repository import Repository
from agents.rules.added_lines import Line, delta
from tests.conftest import Repo


def added(repo: Repo, content: str) -> tuple[Line, ...]:
    old = repo.git("rev-parse", "HEAD")
    return delta(Repository(repo.path / ".git"), old, repo.commit({"new.py": content})).added


def test_lines_have_their_path_and_number(repo: Repo) -> None:
    assert added(repo, "a\n++ b\n") == (Line("new.py", 1, "a"), Line("new.py", 2, "++ b"))


@pytest.mark.parametrize("setting", ["diff.noprefix", "diff.mnemonicPrefix"])
def test_the_users_way_to_show_paths_does_not_matter(repo: Repo, setting: str) -> None:
    repo.git("config", setting, "true")
    assert added(repo, "a\n") == (Line("new.py", 1, "a"),)


@pytest.mark.parametrize("mark", ["\r", "\f", "\x1c", "\u2028"])
def test_only_a_newline_ends_a_line(repo: Repo, mark: str) -> None:
    """Else what stands behind the mark would be seen by no rule."""
    assert added(repo, f"a{mark}b\nc\n") == (Line("new.py", 1, f"a{mark}b"), Line("new.py", 2, "c"))


def test_the_end_of_a_crlf_line_is_no_part_of_it(repo: Repo) -> None:
    assert added(repo, "a\r\nb\r\n") == (Line("new.py", 1, "a"), Line("new.py", 2, "b"))
