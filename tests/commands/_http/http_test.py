from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api_server import Answer, Server, serving

PROBLEM = {"type", "title", "status", "detail", "code", "hint", "exitCode"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("http")) as server:
        yield server


def assert_problem(answer: Answer, status: int, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json) == PROBLEM
    assert (answer.status, answer.json["status"], answer.json["code"]) == (status, status, code)


def test_create_show_list(server: Server) -> None:
    made = server.ask("POST", "/requests", {"title": "Add metrics", "description": "Ünïcode\r\n\ttext"})
    assert made.status == 201
    number = made.json["id"]
    assert made.headers["Location"] == f"/requests/{number}"
    assert made.json["description"] == "Ünïcode\r\n\ttext"
    assert server.ask("GET", f"/requests/{number}").json == made.json
    assert server.ask("GET", f"/requests/{made.json['key']}").json == made.json
    page = server.ask("GET", "/requests?state=open&limit=10000").json
    assert made.json in page["items"] and page["total"] >= 1
    assert server.ask("GET", "/requests?limit=1&offset=100000").json["items"] == []


def test_only_what_is_new_is_201(server: Server) -> None:
    commit = ("-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-mx")
    subprocess.run(["git", *commit], cwd=server.folder, check=True)
    request = server.ask("POST", "/requests", {"title": "x"}).json["id"]
    plan = server.ask("POST", f"/requests/{request}/plans", {}).json["id"]
    first = server.ask("POST", f"/plans/{plan}/orchestrate", {})
    assert (first.status, first.headers["Location"]) == (201, f"/orchestrations/{first.json['id']}")
    again = server.ask("POST", f"/plans/{plan}/orchestrate", {})
    assert (again.status, again.json) == (200, {**first.json, "again": True})
    assert server.ask("POST", f"/requests/{request}/cancel", {}).json["state"] == "cancelled"
    assert_problem(server.ask("POST", f"/plans/{plan}/orchestrate", {}), 409, "conflict")


def test_what_the_disk_refuses_is_the_servers_fault(server: Server) -> None:
    server.ask("POST", "/requests", {"title": "makes the folder"})
    staged = server.folder / ".git/refactory/staged"
    staged.rmdir()
    staged.touch()
    try:
        refused = server.ask("POST", "/requests", {"title": "x"})
    finally:
        staged.unlink()
    assert_problem(refused, 500, "failed")
    assert "can't write" in refused.json["detail"]
    assert server.ask("POST", "/requests", {"title": "x"}).status == 201


def test_what_the_command_line_writes_is_seen_at_once(server: Server) -> None:
    made = json.loads(server.run("request:create", "--title", "from the shell", "--json").stdout)["data"]
    assert server.ask("GET", f"/requests/{made['id']}").json == made
    path = server.folder / f".refactory/requests/{made['key']}.yaml"
    path.write_text(path.read_text().replace("from the shell", "edited"))
    assert server.ask("GET", f"/requests/{made['id']}").json["title"] == "edited"
    over_http = server.ask("POST", "/requests", {"title": "from curl"}).json
    shown = json.loads(server.run("request:show", str(over_http["id"]), "--json").stdout)
    assert shown["data"] == over_http


def test_a_broken_record_is_no_fault_of_the_server(server: Server) -> None:
    key = server.ask("POST", "/requests", {"title": "soon broken"}).json["key"]
    path = server.folder / f".refactory/requests/{key}.yaml"
    whole = path.read_text()
    path.write_text("title: [")
    assert_problem(server.ask("GET", f"/requests/{key}"), 409, "invalid_file")
    path.write_text(whole)
    assert server.ask("GET", f"/requests/{key}").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/requests/99999", 404, "not_found"),
        ("GET", "/requests/seven", 422, "usage"),
        ("GET", "/requests/%00", 422, "usage"),
        ("GET", "/requests/..%2F..%2Fetc", 422, "usage"),
        ("GET", "/requests/%ff", 422, "usage"),
        ("GET", "/requests?limit=x", 422, "usage"),
        ("GET", "/requests?limit=0", 422, "usage"),
        ("GET", "/requests?limit=99999999999999999999999", 422, "usage"),
        ("GET", "/requests?limit=1&limit=2", 422, "usage"),
        ("GET", "/requests?state=null", 422, "usage"),
        ("GET", "/requests?color=red", 422, "usage"),
        ("GET", "/nowhere", 404, "unknown_path"),
        ("GET", "/requests/", 404, "unknown_path"),
        ("DELETE", "/requests", 405, "method_not_allowed"),
        ("GET", "/requests/import", 405, "method_not_allowed"),
        ("PROPFIND", "/requests", 405, "method_not_allowed"),
        ("BREW", "/requests", 400, "malformed"),
        ("POST", "/requests?title=x", 422, "usage"),
    ],
)
def test_what_can_not_be(server: Server, method: str, path: str, status: int, code: str) -> None:
    assert_problem(server.ask(method, path), status, code)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/tasks?limit=0", "limit: expected a whole number from 1 to 10000, found '0'"),
        ("/tasks?limit=x", "limit: expected a whole number from 1 to 10000, found 'x'"),
        ("/requests?state=foo", "state: expected one of open, planned, in_progress, done, failed, cancelled"),
    ],
)
def test_what_is_expected_is_said(server: Server, path: str, detail: str) -> None:
    assert server.ask("GET", path).json["detail"].startswith(detail)


def test_a_missing_body_is_an_empty_one_whatever_its_type(server: Server) -> None:
    number = server.ask("POST", "/requests", {"title": "x"}).json["id"]
    done = server.ask("POST", f"/requests/{number}/cancel", b"")
    assert (done.status, done.json["state"]) == (200, "cancelled")
    assert server.ask("POST", "/requests", b"").json["detail"] == "title: is missing"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "usage"),
        (b"{", 400, "malformed"),
        (b'{"title": NaN}', 400, "malformed"),
        (b'{"title": "\xff"}', 400, "malformed"),
        (b'{"title": "\\ud800"}', 400, "malformed"),
        (b'{"title": "a", "title": "b"}', 400, "malformed"),
        (b"[" * 200_000, 400, "malformed"),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, 400, "malformed"),
        (b'{"title": 1e999}', 400, "malformed"),
        (b'{"title": ' + b"9" * 10_000 + b"}", 400, "malformed"),
        (b"[]", 422, "usage"),
        (b'"text"', 422, "usage"),
        (b"null", 422, "usage"),
        (b"{}", 422, "usage"),
        (b'{"title": 1}', 422, "usage"),
        (b'{"title": "x", "color": "red"}', 422, "usage"),
        (b'{"title": ""}', 422, "usage"),
        (b'{"title": "x", "description": "' + b"d" * 10_000_000 + b'"}', 422, "usage"),
        (b'{"title": "' + b"x" * 13_000_000 + b'"}', 413, "too_large"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bodies_that_can_not_be(server: Server, body: bytes, status: int, code: str) -> None:
    before = server.ask("GET", "/requests").json["total"]
    assert_problem(server.ask("POST", "/requests", body), status, code)
    assert server.ask("GET", "/requests").json["total"] == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)
def test_only_json_is_taken(server: Server, headers: dict[str, str]) -> None:
    assert_problem(server.ask("POST", "/requests", {"title": "x"}, headers), 415, "not_json")


def test_a_query_string_beside_a_body_is_refused(server: Server) -> None:
    assert_problem(server.ask("POST", "/requests?title=y", {"title": "x"}), 422, "usage")


@pytest.mark.parametrize("path", ["/requests", "/requests/1", "/openapi.json", "/nowhere", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", "Basic dTpw"])
def test_without_a_token_nothing_is_told(server: Server, path: str, method: str, given: str) -> None:
    answer = server.ask(method, path, headers={"Authorization": given})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_healthz_needs_no_token(server: Server) -> None:
    answer = server.ask("GET", "/healthz", headers={"Authorization": ""})
    assert (answer.status, answer.json["status"]) == (200, "ok")
    assert server.ask("POST", "/healthz", headers={"Authorization": ""}).status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "::1", "[::]"]
)
def test_foreign_hosts_are_refused(server: Server, host: str) -> None:
    for path in ("/requests", "/healthz"):
        assert_problem(server.ask("GET", path, headers={"Host": host}), 421, "foreign_host")


def test_own_hosts_are_known(server: Server) -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        assert server.ask("GET", "/requests", headers={"Host": f"{host}:{server.port}"}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1"])
def test_foreign_origins_are_refused(server: Server, origin: str) -> None:
    answer = server.ask("POST", "/requests", {"title": "x"}, {"Origin": origin})
    assert_problem(answer, 403, "foreign_origin")
    assert server.ask("GET", "/requests", headers={"Origin": server.url}).status == 200


def test_roles(server: Server) -> None:
    """What each may do: read, work on tasks, order work."""
    expected = {"viewer": (200, 403, 403), "agent": (200, 422, 403), "operator": (200, 422, 201)}
    for role, statuses in expected.items():
        token = server.run("token:create", f"a-{role}", "--role", role).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        found = (
            server.ask("GET", "/requests", headers=headers).status,
            server.ask("POST", "/agents/a/prs", {}, headers).status,
            server.ask("POST", "/requests", {"title": "x"}, headers).status,
        )
        assert found == statuses, role
        assert server.run("token:revoke", f"a-{role}").returncode == 0
        assert server.ask("GET", "/requests", headers=headers).status == 401


def test_verbs_that_ask_about_a_path(server: Server) -> None:
    options = server.ask("OPTIONS", "/requests")
    assert (options.status, options.headers["Allow"]) == (204, "GET,HEAD,POST")
    head = server.ask("HEAD", "/requests")
    assert (head.status, head.data) == (200, b"")
    assert server.ask("DELETE", "/requests").headers["Allow"] == "GET,HEAD,POST"


def test_one_key_is_one_record(server: Server) -> None:
    before = server.ask("GET", "/requests").json["total"]
    headers = {"Idempotency-Key": "k-1"}
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(server.ask, "POST", "/requests", {"title": "once"}, headers) for _ in range(50)]
    answers = [future.result() for future in asked]
    assert {(answer.status, answer.data, answer.headers["Location"]) for answer in answers} == {
        (201, answers[0].data, answers[0].headers["Location"])
    }
    assert server.ask("GET", "/requests").json["total"] == before + 1
    other = server.ask("POST", "/requests", {"title": "another"}, headers)
    assert_problem(other, 422, "key_reused")


def test_keys_that_are_none(server: Server) -> None:
    for key in (" ", "k" * 256):
        answer = server.ask("POST", "/requests", {"title": "x"}, {"Idempotency-Key": key})
        assert_problem(answer, 400, "malformed")


def test_what_failed_may_be_tried_again_with_its_key(server: Server) -> None:
    headers = {"Idempotency-Key": "k-2"}
    assert server.ask("POST", "/requests", {"title": ""}, headers).status == 422
    assert server.ask("POST", "/requests", {"title": "better"}, headers).status == 201


def test_a_key_is_its_bearer_s_own(server: Server) -> None:
    token = server.run("token:create", "op", "--role", "operator").stdout.strip()
    mine = server.ask("POST", "/requests", {"title": "x"}, {"Idempotency-Key": "k-3"})
    theirs = {"Idempotency-Key": "k-3", "Authorization": f"Bearer {token}"}
    assert server.ask("POST", "/requests", {"title": "x"}, theirs).json["id"] != mine.json["id"]


def raw(server: Server, data: bytes) -> Answer:
    with socket.create_connection(("127.0.0.1", server.port), 30) as sock:
        sock.sendall(data)
        response = http.client.HTTPResponse(sock)
        response.begin()
        return Answer(response.status, response.headers, response.read())


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=lambda value: repr(value[:20]),
)
def test_what_is_no_http_gets_a_problem_too(server: Server, data: bytes) -> None:
    assert_problem(raw(server, data), 400, "malformed")


def test_two_hosts_and_other_targets_are_refused(server: Server) -> None:
    host = f"Host: 127.0.0.1:{server.port}\r\n".encode()
    for head in (
        b"GET /requests HTTP/1.1\r\n" + host + b"Host: evil.example\r\n",
        b"GET /requests HTTP/1.0\r\n",
        b"GET http://evil.example/requests HTTP/1.1\r\n" + host,
    ):
        assert raw(server, head + b"Connection: close\r\n\r\n").status in (400, 421)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"title": JSON}, optional={"description": JSON, "state": JSON}).map(
        lambda value: json.dumps(value).encode()
    ),
)
PATHS = ["/requests", "/requests/1/plans", "/plans/1/orchestrate", "/agents/a/prs", "/agents/a/claims"]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, path=st.sampled_from(PATHS))
def test_no_body_makes_the_server_fail(server: Server, body: bytes, path: str) -> None:
    answer = server.ask("POST", path, body)
    assert answer.status < 500
    if answer.status >= 400:
        assert set(answer.json) == PROBLEM


@settings(max_examples=100)
@given(text=st.text(min_size=1, max_size=100))
def test_texts_come_back_as_they_were(server: Server, text: str) -> None:
    """Or they are refused: a lone surrogate, a control character that no YAML can hold."""
    answer = server.ask("POST", "/requests", {"title": "x", "description": text})
    if answer.status == 201:
        assert server.ask("GET", answer.headers["Location"]).json["description"] == text
    else:
        assert answer.status in (400, 422)


@settings(max_examples=100)
@given(name=st.sampled_from(["limit", "offset", "state", "x"]), value=st.text(max_size=20))
def test_no_query_makes_the_server_fail(server: Server, name: str, value: str) -> None:
    from urllib.parse import urlencode

    query = urlencode({name: value}, errors="surrogatepass")
    assert server.ask("GET", f"/requests?{query}").status in (200, 422)


def test_secrets_are_not_written_down(server: Server, tmp_path: Path) -> None:
    token = server.run("token:create", "kept", "--role", "viewer").stdout.strip()
    files: list[Any] = [path for path in server.folder.rglob("*") if path.is_file()]
    assert [path for path in files if token.encode() in path.read_bytes()] == []
    holders = [path for path in files if server.token.encode() in path.read_bytes()]
    assert holders == [server.folder / ".git/refactory/token"]
    assert holders[0].stat().st_mode & 0o777 == 0o600
