from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.api_server import PROGRAM, make_repository, private_environment


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path)


def run(repository: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    env = {**private_environment(repository.parent), **env}
    return subprocess.run(
        [*PROGRAM, *args], cwd=repository, env=env, capture_output=True, text=True, check=False
    )


def test_it_is_made_once_and_private(repository: Path) -> None:
    token = run(repository, "token:show").stdout
    assert len(token) == 44
    assert run(repository, "token:show").stdout == token
    path = repository / ".git/refactory/token"
    assert (path.read_text(), path.stat().st_mode & 0o777) == (token, 0o600)
    said = json.loads(run(repository, "token:show", "--json").stdout)
    assert said["data"] == {"token": token.strip()}


def test_an_empty_token_file_is_no_token(repository: Path) -> None:
    run(repository, "token:show")
    (repository / ".git/refactory/token").write_text("\n")
    done = run(repository, "token:show")
    assert (done.returncode, done.stdout) == (2, "")
    assert ".git/refactory/token:1: holds no token" in done.stderr


def test_it_is_not_asked_of_a_server(repository: Path) -> None:
    assert run(repository, "token:show", REF_API_URL="http://127.0.0.1:1").returncode == 2


def test_tokens_for_others(repository: Path) -> None:
    made = run(repository, "token:create", "ci", "--role", "agent")
    assert (made.returncode, len(made.stdout)) == (0, 44)
    kept = (repository / ".git/refactory/tokens.json").read_text()
    assert made.stdout.strip() not in kept and '"ci"' in kept
    assert run(repository, "token:create", "ci", "--role", "admin").returncode == 4
    assert run(repository, "token:create", "x", "--role", "king").returncode == 2
    assert run(repository, "token:revoke", "ci").returncode == 0
    assert run(repository, "token:revoke", "ci").returncode == 3


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "-x", "é", "x" * 65])
def test_a_name_that_makes_no_actor_is_refused(repository: Path, name: str) -> None:
    done = run(repository, "token:create", "--role", "agent", "--", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no name for a token" in done.stderr
    assert not (repository / ".git/refactory/tokens.json").exists()


def test_they_are_listed_without_what_opens_anything(repository: Path) -> None:
    assert run(repository, "token:list").stdout == "no tokens\n"
    tokens = [
        run(repository, "token:create", name, "--role", "agent").stdout.strip() for name in ("ci", "a@b.c")
    ]
    done = run(repository, "token:list")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["NAME", "ROLE"], ["ci", "agent"], ["a@b.c", "agent"]
    ]  # fmt: skip
    listed = json.loads(run(repository, "token:list", "--json").stdout)["data"]["tokens"]
    assert [set(token) for token in listed] == [{"name", "role", "created"}] * 2
    kept = json.loads((repository / ".git/refactory/tokens.json").read_text())
    secrets = [*tokens, *(token["sha256"] for token in kept)]
    assert not [secret for secret in secrets if secret in done.stdout or secret in str(listed)]
