from __future__ import annotations

import socket

import pytest

from agents.git.repository import Repository
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
