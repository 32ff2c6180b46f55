from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock

from tests.api_server import PROGRAM, Server, make_repository, private_environment, serving

# The real server with small bounds: nobody wants to wait ten seconds for each stalled client.
BOUNDED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from commands._http.application import Bounds, application
from commands._http.server import bound_socket, serve
from state.store import Store
sock = bound_socket(0)
port = sock.getsockname()[1]
app = application(Store.open(Path.cwd()), port, Bounds(seconds=0.5, connections=40))
sys.exit(asyncio.run(serve(app, sock, lambda: print(port, flush=True))))
"""


@pytest.fixture
def bounded(tmp_path: Path) -> Iterator[Server]:
    repository, env = make_repository(tmp_path), private_environment(tmp_path)
    argv = [sys.executable, "-c", textwrap.dedent(BOUNDED), str(Path(PROGRAM[1]).parent)]
    with subprocess.Popen(argv, cwd=repository, env=env, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        server = Server(repository, env, process, f"http://127.0.0.1:{process.stdout.readline().strip()}")
        server.token = (repository / ".git/refactory/token").read_text().strip()
        yield server
        process.kill()


def refused(folder: Path, *args: str, **env: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [*PROGRAM, "serve", *args],
        cwd=folder, env={**private_environment(folder), **env}, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_it_says_where_it_listens_and_ends_when_told(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.ask("GET", "/requests").status == 200
        assert server.stop(signal.SIGTERM) == 0
        assert server.process.communicate() == ("", "")


def test_an_interrupt_is_130(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.stop(signal.SIGINT) == 130


@pytest.mark.slow
def test_it_does_not_wait_for_work_without_end(tmp_path: Path) -> None:
    with serving(tmp_path) as server, FileLock(server.folder / ".git/refactory/lock"):
        announced = tmp_path / f".local/state/refactory/servers/127.0.0.1-{server.port}"
        post = (
            f"POST /requests HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 13\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(post.encode() + b'{"title":"x"}')
            assert server.process.stderr is not None
            assert "waiting for lock" in server.process.stderr.readline()
            assert server.stop() == 0
        assert "still at work: 1" in server.process.stderr.read()
        assert not announced.exists()


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as server, FileLock(server.folder / ".git/refactory/lock"):
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(server.ask, "POST", "/requests", {"title": "x"})
            assert server.process.stderr is not None
            assert "waiting for lock" in server.process.stderr.readline()
            server.process.send_signal(signal.SIGTERM)
            assert "ending" in server.process.stderr.readline()
            assert server.stop() == 0
            assert isinstance(asked.exception(), OSError | http.client.HTTPException)
        assert server.process.stderr.read() == ""


def test_json(tmp_path: Path) -> None:
    with serving(tmp_path, "--json") as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.stdout is not None
        said = json.loads(server.url + server.process.stdout.read())
        assert (said["command"], said["status"]) == ("serve", "ok")
        assert said["data"]["url"].startswith("http://127.0.0.1:")


def test_it_announces_its_token_while_it_runs(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        path = tmp_path / f".local/state/refactory/servers/127.0.0.1-{server.port}"
        assert path.read_text().strip() == server.token
        assert path.stat().st_mode & 0o777 == 0o600
        server.stop()
        assert not path.exists()


def test_a_port_in_use(tmp_path: Path) -> None:
    repository = make_repository(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, said = refused(repository, "--port", port)
        assert (code, said[0]) == (5, f"refactory: port {port} is in use")
        config = repository / ".refactory/config.yaml"
        config.write_text(f"version: 1\nserver:\n  port: {port}\n")
        assert refused(repository)[0] == 5


def test_what_it_can_not_serve(tmp_path: Path) -> None:
    assert refused(tmp_path)[0] == 2
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    code, said = refused(tmp_path)
    assert (code, said[1]) == (3, "  run `refactory init` first")
    (tmp_path / ".refactory").mkdir()
    assert refused(tmp_path, "--port", "65536")[0] == 2
    assert refused(tmp_path, REF_API_URL="http://127.0.0.1:1")[0] == 2


def closed(sock: socket.socket) -> bool:
    """Whether the server ends the connection, whatever it says before."""
    sock.settimeout(15)
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return True


def drain(sock: socket.socket) -> bytes:
    sock.settimeout(15)
    return sock.makefile("rb").read()


def open_sockets(server: Server) -> int:
    folder = Path(f"/proc/{server.process.pid}/fd")
    return sum(target(link).startswith("socket:") for link in folder.iterdir())


def target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_clients_that_stall_are_given_up(bounded: Server) -> None:
    head = f"Host: 127.0.0.1:{bounded.port}\r\nAuthorization: Bearer {bounded.token}\r\n".encode()
    post = b"POST /requests HTTP/1.1\r\nContent-Type: application/json\r\n" + head
    beginnings = [
        b"",
        b"G",
        b"GET /requests HTTP/1.1\r\n" + head,
        b"GET /requests HTTP/1.1\r\n" + head + b"\r\n",
        post + b"Content-Length: 100\r\n\r\n{",
        post + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        post.replace(bounded.token.encode(), b"wrong") + b"Content-Length: 100\r\n\r\n{",
    ]
    with ExitStack() as stack:
        stalled = []
        for beginning in beginnings * 4:
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", bounded.port)))
            sock.sendall(beginning)
            stalled.append(sock)
        assert bounded.ask("GET", "/requests").status == 200
        assert all(closed(sock) for sock in stalled)
    assert bounded.ask("GET", "/requests").json["total"] == 0


def test_a_body_that_does_not_arrive_is_a_408(bounded: Server) -> None:
    with socket.create_connection(("127.0.0.1", bounded.port)) as sock:
        sock.sendall(
            f"POST /requests HTTP/1.1\r\nHost: 127.0.0.1:{bounded.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {bounded.token}\r\nContent-Length: 9\r\n\r\n{{".encode()
        )
        assert sock.makefile("rb").readline() == b"HTTP/1.1 408 Request Timeout\r\n"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_client_that_does_not_read_is_given_up(bounded: Server) -> None:
    listening = open_sockets(bounded)
    for _ in range(12):
        bounded.ask("POST", "/requests", {"title": "large", "description": "d" * 1_000_000})
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", bounded.port))
        sock.sendall(
            f"GET /requests HTTP/1.1\r\nHost: 127.0.0.1:{bounded.port}\r\n"
            f"Authorization: Bearer {bounded.token}\r\n\r\n".encode()
        )
        assert sock.recv(15) == b"HTTP/1.1 200 OK"
        # What the kernel has taken still arrives, and then nothing more: less than was promised.
        wait_until(lambda: open_sockets(bounded) == listening)
        assert len(drain(sock)) < 12_000_000
    assert bounded.ask("GET", "/healthz").status == 200


def test_connections_are_bounded(bounded: Server) -> None:
    with ExitStack() as stack:
        socks = [
            stack.enter_context(socket.create_connection(("127.0.0.1", bounded.port))) for _ in range(60)
        ]
        assert all(closed(sock) for sock in socks)
    assert bounded.ask("GET", "/healthz").status == 200
