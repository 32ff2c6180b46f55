from __future__ import annotations

from pathlib import Path

import pytest

from agents.forge.place import Place, issue_place, place_of
from agents.forge.token import for_git, token_for
from state.config import Forge as Settings
from state.errors import UsageError
from tests.conftest import Repo

PLAIN = Settings()


@pytest.mark.parametrize(
    ("remote", "place"),
    [
        ("https://github.com/a/b.git", Place("github", "https://github.com", "a/b")),
        ("git@github.com:a/b.git", Place("github", "https://github.com", "a/b")),
        ("ssh://git@gitlab.example.com:2222/a/b/c", Place("gitlab", "https://gitlab.example.com", "a/b/c")),
        ("https://user@gitlab.com/a/b/", Place("gitlab", "https://gitlab.com", "a/b")),
        ("https://codeberg.org/a/b", Place("forgejo", "https://codeberg.org", "a/b")),
        ("https://gitea.example.com:8443/a/b", Place("forgejo", "https://gitea.example.com:8443", "a/b")),
    ],
)
def test_the_url_tells(remote: str, place: Place) -> None:
    assert place_of(remote, PLAIN) == place


def test_the_configuration_tells_what_the_url_does_not() -> None:
    settings = Settings(kind="gitea", url="https://example.com/git/")
    assert place_of("https://example.com/git/a/b.git", settings) == Place(
        "forgejo", "https://example.com/git", "a/b"
    )
    whole = Settings(kind="github", url="https://ghe.example.com", repository="o/r")
    assert place_of("/srv/mirror.git", whole) == Place("github", "https://ghe.example.com", "o/r")


@pytest.mark.parametrize(
    "remote",
    [
        "https://example.com/a/b.git",
        "/srv/x.git",
        "",
        "https://github.com/alone",
        "https://[github.com/a/b",
        "https://github.com:port/a/b",
    ],
)
def test_what_cannot_be_told_is_asked_for(remote: str) -> None:
    with pytest.raises(UsageError) as raised:
        place_of(remote, PLAIN)
    assert "forge." in raised.value.hint


@pytest.mark.parametrize(
    ("url", "kind", "repository"),
    [
        ("https://github.com/a/b/issues/12", "github", "a/b"),
        ("https://gitlab.com/a/b/c/-/issues/12", "gitlab", "a/b/c"),
        ("https://gitlab.com/a/b/-/work_items/12", "gitlab", "a/b"),
        ("https://codeberg.org/a/b/issues/12", "forgejo", "a/b"),
    ],
)
def test_an_issue_is_found_by_its_url(url: str, kind: str, repository: str) -> None:
    place, number = issue_place(url, Settings(repository="other/one"))
    assert (place.kind, place.repository, number) == (kind, repository, 12)


@pytest.mark.parametrize(
    "url",
    [
        "x",
        "https://github.com/a/b/pull/12",
        "https://github.com/a/b/issues/0",
        "https://[github.com/a/b/issues/1",
        "https://github.com:port/a/b/issues/1",
    ],
)
def test_what_is_no_issue_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        issue_place(url, PLAIN)


@pytest.mark.parametrize("url", ["https://[github.com", "https://github.com:port"])
def test_a_forge_that_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"forge\.url"):
        place_of("git@github.com:a/b.git", Settings(url=url))


def test_a_token_is_not_sent_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "t")
    with pytest.raises(UsageError, match="https only"):
        token_for(Place("github", "http://ghe.example.com", "a/b"), PLAIN)
    assert token_for(Place("github", "http://127.0.0.1:1", "a/b"), PLAIN) == "t"
    monkeypatch.setenv("GH_TOKEN", "t\nAuthorization: x")
    with pytest.raises(UsageError, match="is no token"):
        token_for(Place("github", "https://github.com", "a/b"), PLAIN)


def test_git_gets_it_for_that_forge_only(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other helper sees it, which might store it."""
    stored = Path(repo.path, "stored")
    repo.git("config", "credential.helper", f"!cat >> {stored}; :")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    for name, value in for_git(Place("github", "https://github.com", "a/b"), "s3cret"):
        monkeypatch.setenv(name, value)
    asked = f"printf 'protocol=https\\nhost=%s\\n\\n' $1 | git -C {repo.path} credential fill"
    filled = _sh(f"set -- github.com; {asked}")
    assert "username=x-access-token\npassword=s3cret" in filled
    assert not stored.exists()
    assert "s3cret" not in _sh(f"set -- github.com.evil.example; {asked} || true")
    assert "s3cret" not in stored.read_text()


def _sh(script: str) -> str:
    import subprocess

    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
