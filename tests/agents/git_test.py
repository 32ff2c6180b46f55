from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.git import Repository, shown
from state.errors import UsageError
from tests.conftest import Repo


@pytest.mark.parametrize("name", ["main~1", "a..b", "main^", "@{-1}", "a b", "x.lock", "", "a\nb"])
def test_a_revision_is_no_branch_name(repo: Repo, name: str) -> None:
    with pytest.raises(UsageError, match="no branch name"):
        Repository(repo.path / ".git").check_branch(name)


def test_a_remote_that_never_answers_is_given_up(repo: Repo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.git"
        status, out, err = Repository(repo.path / ".git").attempt("ls-remote", "--", url, seconds=0.5)
    assert (status != 0, out, err) == (True, b"", "no end after 0.5 seconds")


def test_a_path_is_shown_in_one_printable_line() -> None:
    assert shown("añ/b c.txt") == "añ/b c.txt"
    assert shown(os.fsdecode(b"caf\xe9\n\x1b[31m")) == r"caf\xe9\n\x1b[31m"


@given(st.binary())
def test_any_bytes_are_shown(name: bytes) -> None:
    assert shown(os.fsdecode(name)).encode().decode().isprintable()


@given(st.text())
def test_any_text_is_shown(name: str) -> None:
    assert shown(name).isprintable()
