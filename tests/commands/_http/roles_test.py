"""Acceptance 6: who may do what is what docs/http.md says, for every route; no token lies about in clear."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_server import Server, serving

ROLES = ["viewer", "agent", "operator", "admin"]
VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_ROW = re.compile(r"^\| `(\w+) (/\S*)` \|.*\| (viewer|agent|operator|admin) \|.*\|$", re.MULTILINE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("roles")) as server:
        yield server


def documented() -> list[tuple[str, str, str]]:
    """Verb, path and role of the table of routes."""
    page = Path(__file__).parents[3] / "docs" / "http.md"
    return _ROW.findall(page.read_text(encoding="utf-8"))


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "99999", path)


def test_the_table_has_every_route(server: Server) -> None:
    paths = server.ask("GET", "/openapi.json").json["paths"]
    found = {(verb.upper(), path) for path, item in paths.items() for verb in item}
    assert {(verb, path) for verb, path, _ in documented()} == found - {
        ("GET", "/healthz"),
        ("GET", "/openapi.json"),
    }


def test_without_a_token_every_route_and_verb_is_401(server: Server) -> None:
    paths = {filled(path) for _, path, _ in documented()} | {"/openapi.json", "/nowhere"}
    for path in sorted(paths):
        for verb in VERBS:
            assert server.ask(verb, path, headers={"Authorization": ""}).status == 401, (verb, path)


def test_each_role_may_do_what_is_documented_and_no_more(server: Server) -> None:
    for number, role in enumerate(ROLES):
        token = server.run("token:create", f"a-{role}", "--role", role).stdout.strip()
        for verb, path, needed in documented():
            body = {"no": "such key"} if verb == "POST" else None  # so that nothing is done
            answer = server.ask(verb, filled(path), body, {"Authorization": f"Bearer {token}"})
            may = number >= ROLES.index(needed)
            assert (answer.status != 403) == may, (role, verb, path, answer.status)
            assert answer.status < 500, (role, verb, path)


def test_no_token_is_kept_in_clear_but_the_local_one(server: Server) -> None:
    token = server.run("token:create", "mine", "--role", "operator").stdout.strip()
    headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "r-1"}
    server.ask("POST", "/requests", {"title": "T"}, {**headers, "Idempotency-Key": "k"})
    server.ask("POST", "/requests", {"title": ""}, headers)
    files = [path for path in server.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if token.encode() in path.read_bytes()]
    holding = [path for path in files if server.token.encode() in path.read_bytes()]
    assert [path.name for path in holding] == ["token"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
