from __future__ import annotations

import threading
from pathlib import Path

import pytest

from state.errors import InvalidFile
from state.tokens import Tokens, announced, create, known_token, local_token, revoke

URL = "http://127.0.0.1:3999"


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("REF_API_TOKEN", raising=False)


def test_roles_and_revocation(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    viewer = create(tmp_path, "ann", "viewer")
    found = tokens.find(viewer)
    assert found and (found.name, found.role) == ("ann", "viewer")
    local = tokens.find(local_token(tmp_path))
    assert local and (local.name, local.role) == ("local", "admin")
    assert tokens.find("") is None and tokens.find(viewer[:-1]) is None
    assert revoke(tmp_path, "ann") and tokens.find(viewer) is None
    assert not revoke(tmp_path, "ann")


def test_many_that_make_the_local_token_at_once_get_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    barrier = threading.Barrier(16)

    def ask() -> None:
        barrier.wait()
        found.append(local_token(tmp_path / "private"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16 and len(set(found)) == 1
    assert [path.name for path in (tmp_path / "private").iterdir()] == ["token"]


def test_many_that_are_made_at_once_are_all_kept(tmp_path: Path) -> None:
    threads = [threading.Thread(target=create, args=(tmp_path, f"n{i}", "agent")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(revoke(tmp_path, f"n{i}") for i in range(8))


def test_a_damaged_file_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text('[{"name": "x"}]')
    with pytest.raises(InvalidFile, match=r"tokens\.json"):
        Tokens(tmp_path).find("x" * 43)


def test_clients_find_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    assert known_token(URL, repository) is None
    own = local_token(repository / ".git/refactory")
    assert known_token(URL, repository) == own
    with announced(3999, "announced"):
        assert known_token(URL, repository) == "announced"
        assert known_token("http://localhost:3999", tmp_path) == "announced"
        assert known_token("http://127.0.0.1:4000", tmp_path) is None
        monkeypatch.setenv("REF_API_TOKEN", "given")
        assert known_token(URL, repository) == "given"
        monkeypatch.delenv("REF_API_TOKEN")
    assert known_token(URL, repository) == own


def test_a_local_token_never_leaves_the_machine(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    local_token(tmp_path / ".git/refactory")
    for url in ("http://example.org:3999", "http://127.0.0.1.example.org:3999", "http://[::1]:3999"):
        assert known_token(url, tmp_path) is None


def test_the_next_server_at_the_port_keeps_its_announcement(tmp_path: Path) -> None:
    with announced(3999, "old"):
        path = tmp_path / "state/refactory/servers/127.0.0.1-3999"
        path.write_text("new\n")
    assert path.read_text() == "new\n"
