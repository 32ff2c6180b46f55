from __future__ import annotations

import getpass
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from state.audit_entries import Entry
from state.records import Request
from state.store import Store
from tests.api_server import Server, serving
from tests.conftest import Refactory, Repo, copied, new_file


@pytest.fixture(scope="module")
def made(initialised: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = copied(initialised, tmp_path_factory.mktemp("logged") / "repo")
    for number, actor in enumerate(("ann", "ann", "bob"), 1):
        Refactory(repo.path, {"REFACTORY_ACTOR": actor, "REFACTORY_REQUEST_ID": f"r-{number}"}).ok(
            "request:create", "--title", f"t{number}"
        )
    Refactory(repo.path).ok("plan:create", "1", "--from", "-", input="## One\n")
    return repo


@pytest.fixture
def logged(made: Repo, tmp_path: Path) -> Refactory:
    """Three requests by two actors, one planned."""
    return Refactory(copied(made, tmp_path / "repo").path)


def log(refactory: Refactory) -> Path:
    return next((refactory.folder / ".refactory/audit").iterdir())


def test_lines_by_time_the_newest_last(logged: Refactory) -> None:
    lines = logged.ok("audit:log").out.splitlines()
    assert [line.split("  ")[1:3] for line in lines[:3]] == [
        ["ann", "request:create"], ["ann", "request:create"], ["bob", "request:create"],
    ]  # fmt: skip
    assert lines[0].split("  ")[4] == "- -> open"
    found = logged.data("audit:log", "--limit", "2")
    assert (found["total"], len(found["items"])) == (len(lines), 2)
    assert found["items"] == logged.data("audit:log")["items"][-2:]
    assert logged.data("audit:log", "--limit", "1", "--offset", "1")["items"] == found["items"][:1]


FILTERS: dict[str, int] = {
    "--actor ann": 2,
    "--command request:create": 3,
    "--request r-3": 1,
    "--record requests/2": 1,
    "--record requests/1": 2,
    "--record 2": 1,
    "--record tasks/2": 0,
    "--since 1h --command request:create": 3,
    "--since 2031": 0,
    "--until 1h": 0,
    "--until 2001-01-01T10:30Z": 0,
    "--until 2999-12 --actor bob": 1,
}


def test_filters(logged: Refactory) -> None:
    found = {options: logged.data("audit:log", *options.split())["total"] for options in FILTERS}
    assert found == FILTERS


def test_by_key(logged: Refactory) -> None:
    key = logged.data("request:show", "2")["key"]
    assert [logged.data("audit:log", "--record", name)["total"] for name in (key, f"requests/{key}")] == [
        1,
        1,
    ]


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-45", "2026-02-30", "2026-11-22T25:00", "2026-11-22T10:60", "0000"]
)
@pytest.mark.parametrize("option", ["--since", "--until"])
def test_no_time(logged: Refactory, option: str, text: str) -> None:
    done = logged.run("audit:log", option, text)
    assert (done.code, done.out) == (2, "")
    assert f"{text!r} is no time" in done.err


def test_damaged_lines_are_shown_as_such(logged: Refactory) -> None:
    path = log(logged)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0].replace(b"ann", b"eve"), b"\xff\x1b\n", *lines[2:]]))
    out = logged.ok("audit:log").out.splitlines()
    assert f"DAMAGED {path.name}:2: is no line of an audit log" in out
    assert sum("DAMAGED" in line for line in out) == 2
    assert any("eve" in line and "was changed" in line for line in out)
    assert sorted(entry["line"] for entry in logged.data("audit:log")["items"] if entry["damaged"]) == [1, 2]


def test_all_writers_are_merged_by_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these begins a writer, as the log is not where it was left."""
    folder = store.location.records / "audit"
    for minute, title in ((10, "a"), (30, "b"), (20, "c")):
        monkeypatch.setattr("state.audit.now", lambda minute=minute: f"2031-01-01T00:{minute}:00Z")
        with store.transaction("t") as changes:
            changes.new(Request, title=title)
        for path in folder.iterdir():
            path.rename(folder.parent / path.name)
    for path in folder.parent.glob("*.jsonl"):
        path.rename(folder / path.name)
    entries = Refactory(store.location.root).data("audit:log")["items"]
    assert [entry["at"][14:16] for entry in entries] == ["10", "20", "30"]
    assert len({entry["file"] for entry in entries}) == 3


@pytest.fixture
def following(logged: Refactory) -> Iterator[subprocess.Popen[str]]:
    process = logged.start("audit:log", "--follow", "--json", "--limit", "1")
    yield process
    process.kill()
    process.wait()


def test_following_shows_what_is_added_also_by_another_writer(
    logged: Refactory, following: subprocess.Popen[str]
) -> None:
    assert following.stdout
    assert json.loads(following.stdout.readline())["command"] == "plan:create"
    logged.ok("request:create", "--title", "more")
    assert json.loads(following.stdout.readline())["record"].startswith("requests/4-")
    for path in logged.folder.glob(".git/refactory/audit-*"):
        path.unlink()
    logged.ok("request:create", "--title", "by a new writer")
    assert json.loads(following.stdout.readline())["record"].startswith("requests/5-")
    following.send_signal(signal.SIGINT)
    assert following.wait(timeout=30) == 130
    assert following.stderr
    assert following.stderr.read().strip() == ""


def test_following_ends_when_nobody_reads_on(following: subprocess.Popen[str]) -> None:
    assert following.stdout
    assert following.stderr
    following.stdout.readline()
    following.stdout.close()
    assert following.wait(timeout=30) == 0
    assert following.stderr.read() == ""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served")) as server:
        yield server


def newest(server: Server) -> Entry:
    (entry,) = server.ask("GET", "/audit?limit=1").json["items"]
    found: Entry = msgspec.convert(entry, Entry)
    return found


def test_a_request_to_the_server_is_named_and_so_is_its_actor(server: Server) -> None:
    """A token's owner did it, and not the user that the server runs as."""
    own = server.run("token:create", "carol", "--role", "operator").stdout.strip()
    other = {"Authorization": f"Bearer {own}", "X-Request-Id": "carols-1"}
    answer = server.ask("POST", "/requests", {"title": "x"}, other)
    assert answer.headers["X-Request-Id"] == "carols-1"
    assert (newest(server).actor, newest(server).request) == ("carol", "carols-1")

    answer = server.ask("POST", "/requests", {"title": "y"}, {"X-Request-Id": "not an id"})
    assert newest(server).request == answer.headers["X-Request-Id"] != "not an id"
    assert newest(server).actor == getpass.getuser()


def test_a_token_that_is_called_local_is_not_the_clones_own(server: Server) -> None:
    own = server.run("token:create", "local", "--role", "operator").stdout.strip()
    server.ask("POST", "/requests", {"title": "x"}, {"Authorization": f"Bearer {own}"})
    assert newest(server).actor == "local"


def test_the_command_line_says_its_request_id_to_the_server(server: Server) -> None:
    env = {"REF_API_URL": server.url, "REF_API_TOKEN": server.token, "REFACTORY_REQUEST_ID": "ci-8"}
    assert server.run("request:create", "--title", "z", **env).returncode == 0
    assert newest(server).request == "ci-8"
    done = server.run("audit:log", "--request", "ci-8", "--format", "json", **env)
    assert [item["request"] for item in json.loads(done.stdout)["data"]["items"]] == ["ci-8"]


def test_a_run_and_its_agents_have_one_request_id(scripted: Any, refactory: Refactory, repo: Repo) -> None:
    scripted(one=new_file("one.py", "one = 1\n"))
    refactory.ok("run", "--title", "T", "--from", "-", input="## One\n")
    items = refactory.data("audit:log")["items"]
    assert len({item["pid"] for item in items}) > 1
    assert len({item["request"] for item in items}) == 1
    heads = repo.git("for-each-ref", "--format=%(refname)", "refs/refactory/audit")
    assert f" {len(items)} " in repo.git("show", f"{heads}:heads"), "a run ends with a checkpoint"
