"""Remotes as they are recorded: nothing that git would run, and nobody's password."""

from __future__ import annotations

import pytest

from agents.git.repository import Repository
from agents.git.target import remote_url
from state.errors import UsageError
from tests.conftest import Repo


@pytest.mark.parametrize(
    "remote", ["--upload-pack=touch pwned;:", "-x:/y", "ext::sh -c true", "foo+bar::x/y"]
)
def test_what_git_would_run_is_no_remote(repo: Repo, remote: str) -> None:
    with pytest.raises(UsageError, match="no remote"):
        remote_url(Repository(repo.path / ".git"), remote)


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("https://host/x.git", "https://host/x.git"),
        ("https://token@host/x.git", "https://host/x.git"),
        ("https://user:secret@host:8443/x", "https://host:8443/x"),
        ("https://user:p@ss@host/x", "https://host/x"),
        ("https://host/x@y", "https://host/x@y"),
        ("ssh://git@host:22/x", "ssh://git@host:22/x"),
        ("ssh://git:secret@host/x", "ssh://git@host/x"),
        ("git@host:group/x.git", "git@host:group/x.git"),
        ("git@[::1]:x.git", "git@[::1]:x.git"),
        ("file:///srv/x.git", "file:///srv/x.git"),
        ("/srv/x.git", "/srv/x.git"),
    ],
)
def test_a_recorded_remote_has_no_password(repo: Repo, given: str, recorded: str) -> None:
    git = Repository(repo.path / ".git")
    repo.git("remote", "add", "origin", given)
    assert remote_url(git, given) == recorded
    assert remote_url(git, "origin") == recorded
