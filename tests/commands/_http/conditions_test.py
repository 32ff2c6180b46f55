"""Acceptance 22: of many who change what they all have seen, one does, and the others are told (RFC 9110, If-Match)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api_server import Answer, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("conditions")) as server:
        yield server


def new(server: Server) -> tuple[str, str]:
    """A request's path and its ETag."""
    made = server.ask("POST", "/requests", {"title": "T", "description": "- [ ] one\n"})
    return made.headers["Location"], made.headers["ETag"]


def cancel(server: Server, path: str, *tags: str) -> Answer:
    return server.ask("POST", f"{path}/cancel", {}, {"If-Match": ", ".join(tags)})


def is_stale(answer: Answer) -> bool:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return (answer.status, answer.json["code"], answer.json["exitCode"]) == (412, "stale", 4)


def test_of_fifty_racing_changes_one_is_made(server: Server) -> None:
    path, tag = new(server)
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _: cancel(server, path, tag), range(50)))
    assert sorted(answer.status for answer in answers) == [200] + [412] * 49
    assert all(is_stale(answer) for answer in answers if answer.status != 200)
    assert server.ask("GET", path).json["state"] == "cancelled"
    (line,) = [
        one
        for one in server.ask("GET", "/audit?command=request:cancel").json["items"]
        if path[10:] in str(one)
    ]
    assert line


def test_the_tag_is_of_the_content(server: Server) -> None:
    path, tag = new(server)
    assert {server.ask(verb, path).headers["ETag"] for verb in ("GET", "HEAD", "GET")} == {tag}
    planned = server.ask("POST", f"{path}/plans", {}, {"If-Match": tag})
    assert planned.status == 201
    changed = server.ask("GET", path).headers["ETag"]
    assert changed != tag
    plan = planned.headers["Location"]
    assert server.ask("GET", plan).headers["ETag"] == planned.headers["ETag"]
    (task,) = server.ask("GET", "/tasks").json["items"]
    assert server.ask("GET", f"/tasks/{task['id']}").headers["ETag"]
    assert "ETag" not in server.ask("GET", f"{plan}/report").headers
    done = cancel(server, path, changed)
    assert done.status == 200 and done.headers["ETag"] == server.ask("GET", path).headers["ETag"]


def test_what_matches(server: Server) -> None:
    path, tag = new(server)
    for stale in ('"0123"', f"W/{tag}", f'"0123", W/{tag}', '""'):
        assert is_stale(cancel(server, path, stale))
    for malformed in (" ", tag.strip('"'), f"{tag} {tag}", f"*, {tag}", '"'):
        assert is_stale(cancel(server, path, malformed))
    assert server.ask("GET", path).headers["ETag"] == tag
    assert cancel(server, path, '"0123"', tag).status == 200
    assert cancel(server, path, "*").status == 200
    assert cancel(server, "/requests/99999", "*").status == 404
    assert is_stale(server.ask("POST", "/requests", {"title": "T"}, {"If-Match": "*"}))


def test_a_key_answers_again_though_the_record_has_changed(server: Server) -> None:
    path, tag = new(server)
    headers = {"If-Match": tag, "Idempotency-Key": path}
    first, second = (server.ask("POST", f"{path}/cancel", {}, headers) for _ in range(2))
    assert (first.status, second.status, first.data) == (200, 200, second.data)


def test_what_the_command_line_changes_counts(server: Server) -> None:
    path, tag = new(server)
    assert server.run("request:cancel", path.rpartition("/")[2]).returncode == 0
    assert is_stale(cancel(server, path, tag))
