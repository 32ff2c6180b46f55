from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from commands import request_create, request_list, request_show
from commands._remote import Remote
from state.errors import Forbidden, NotFound, RefactoryError, Unavailable, UsageError
from tests.api_server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("remote")) as server:
        yield server


@pytest.fixture
def remote(server: Server) -> Remote:
    return Remote(server.url, server.folder)


def test_the_same_results(server: Server, remote: Remote) -> None:
    params = request_create.RequestCreate(title="über HTTP", description=' "-?&=#%/\r\n')
    made = remote.call(request_create.OPERATION, params)
    shown = remote.call(request_show.OPERATION, request_show.RequestShow(id=made.key))
    assert {name: getattr(shown, name) for name in made.__struct_fields__} == msgspec.structs.asdict(made)
    listed = request_list.RequestList(state="open", limit=10_000)
    assert made in remote.call(request_list.OPERATION, listed).items


@pytest.mark.parametrize(
    "args",
    [
        ("request:show", "1"),
        ("request:show", "1", "--json"),
        ("request:show", "99"),
        ("request:show", "99", "--json"),
        ("request:show", "../x"),
        ("request:show", ".."),
        ("request:show", ""),
        ("request:show", "x?y=z#"),
        ("request:list", "--limit", "0"),
        ("request:list", "--state", "nowhere"),
        ("request:list", "--json", "--limit", "1"),
        ("request:create", "--title", " "),
        ("request:create", "--title", "x" * 501),
    ],
)
def test_the_same_command_line_through_both(server: Server, args: tuple[str, ...]) -> None:
    server.run("request:create", "--title", "one")
    here, there = server.run(*args), server.run(*args, REF_API_URL=server.url)
    assert (there.returncode, there.stdout) == (here.returncode, here.stdout)
    assert there.stderr == here.stderr or here.returncode == 2


def test_errors_are_of_the_same_kind(remote: Remote) -> None:
    with pytest.raises(NotFound, match="no request 9999") as caught:
        remote.call(request_show.OPERATION, request_show.RequestShow(id=9999))
    assert caught.value.hint


def test_errors_of_codes_that_only_the_server_knows(tmp_path: Path) -> None:
    body = b'{"detail":"no key","code":"model_auth","hint":"export it","exitCode":8}'
    head = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n"
    error = answered(head % len(body) + body, tmp_path)
    assert (type(error), error.code, error.exit_code) == (Unavailable, "model_auth", 8)
    assert (error.message, error.hint) == ("no key", "export it")


def test_a_connection_is_used_again_and_renewed(server: Server, remote: Remote) -> None:
    show = request_list.RequestList()
    remote.call(request_list.OPERATION, show)
    first = remote._local.connection
    remote.call(request_list.OPERATION, show)
    assert remote._local.connection is first
    first.sock.shutdown(socket.SHUT_RDWR)  # what the server's end of an idle connection looks like
    remote.call(request_list.OPERATION, show)
    assert remote._local.connection is not first


def test_threads_may_share_it(remote: Remote) -> None:
    made: list[int] = []

    def create(number: int) -> None:
        params = request_create.RequestCreate(title=f"from thread {number}")
        made.append(int(remote.call(request_create.OPERATION, params).key.partition("-")[0]))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16


def test_a_wrong_token(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REF_API_TOKEN", "wrong")
    with pytest.raises(Forbidden) as caught:
        Remote(server.url, server.folder).call(request_list.OPERATION, request_list.RequestList())
    assert "REF_API_TOKEN" in caught.value.hint


def test_a_role_that_is_too_small(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    token = server.run("token:create", "v", "--role", "viewer").stdout
    monkeypatch.setenv("REF_API_TOKEN", token)
    viewer = Remote(server.url, server.folder)
    viewer.call(request_list.OPERATION, request_list.RequestList())
    with pytest.raises(Forbidden, match="viewer"):
        viewer.call(request_create.OPERATION, request_create.RequestCreate(title="x"))


def test_the_token_is_found_from_any_folder_and_proxies_are_not_used(server: Server, tmp_path: Path) -> None:
    env = {"REF_API_URL": server.url, "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    done = server.run("-C", str(tmp_path), "request:list", "--json", **env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "ok"


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # bound, not listening: refused, and nobody else's
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(Unavailable, match=url) as caught:
            Remote(url, tmp_path).call(request_list.OPERATION, request_list.RequestList())
    assert caught.value.exit_code == 8 and "refactory serve" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://x",
        "http://",
        "http://x:port",
        "http://u:p@x",
        "http://x?y",
        "http://[::1",
        "http://[x]",
    ],
)
def test_addresses_that_are_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Remote(url, tmp_path)


ANSWERS = {
    "not json": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "other json": b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"items": 1}',
    "an error page": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops",
    "json that is no problem": b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
    "no HTTP": b"\x00\x01\x02\r\n\r\n",
    "nothing": b"",
}


def answered(answer: bytes, folder: Path) -> RefactoryError:
    """The error that comes of a server which answers so."""

    class Foreign(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(answer)

    with ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as foreign:
        threading.Thread(target=foreign.serve_forever, args=(0.05,)).start()
        try:
            remote = Remote(f"http://127.0.0.1:{foreign.server_port}", folder)
            with pytest.raises(RefactoryError) as caught:
                remote.call(request_list.OPERATION, request_list.RequestList())
        finally:
            foreign.shutdown()
    return caught.value


@pytest.mark.parametrize("name", ANSWERS)
def test_servers_that_are_not_ours(name: str, tmp_path: Path) -> None:
    error = answered(ANSWERS[name], tmp_path)
    assert (type(error), error.exit_code) == (Unavailable, 8)


def test_the_client_imports_no_server(server: Server) -> None:
    """Nor anything else that is heavy: agents start it again and again."""
    import sys

    program = (
        "import sys; from refactory import main; code = main(['request:list']);"
        "sys.exit(code or any(name in sys.modules for name in ('aiohttp', 'asyncio', 'openai', 'git', 'rich')))"
    )
    root = str(Path(__file__).parents[2])
    env = {**server.env, "REF_API_URL": server.url, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
