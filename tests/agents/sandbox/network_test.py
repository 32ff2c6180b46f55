"""Acceptance 14: a test that tries to reach something does not, and an agent does."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from agents.sandbox import for_agents, for_tests
from state.config import Sandbox as Settings
from tests.agents.sandbox.rooms import Room

TRY = """
import socket, sys
port, name, reached = int(sys.argv[1]), sys.argv[2], []
def tried(what, act):
    try:
        act()
        reached.append(what)
    except OSError:
        pass
tried("localhost", lambda: socket.create_connection(("127.0.0.1", port), 2))
tried("IPv6", lambda: socket.create_connection(("::1", port), 2))
tried("TCP", lambda: socket.create_connection(("192.0.2.1", 80), 0.5))
tried("UDP", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)))
tried("DNS", lambda: socket.getaddrinfo("example.com", 80))
tried("abstract", lambda: socket.socket(socket.AF_UNIX).connect(chr(0) + name))
print(reached)
"""
OWN = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname(), 2)
print("own")
"""


class Listener:
    """Counts what reaches it by TCP and by an abstract UNIX socket."""

    def __init__(self) -> None:
        self.name = f"refactory-test-{id(self)}"
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind("\0" + self.name)
        self.unix.listen()
        self.connections = 0
        for server in (self.tcp, self.unix):
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return
            self.connections += 1

    @property
    def arguments(self) -> list[str]:
        return [str(self.tcp.getsockname()[1]), self.name]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.tcp.close()
    made.unix.close()


def test_a_test_reaches_nothing(room: Room, listener: Listener) -> None:
    said = room.python(TRY, *listener.arguments)
    # What is sent to its own loopback device arrives nowhere.
    assert said in ("[]\n", "['UDP']\n")
    assert listener.connections == 0


def test_its_own_loopback_works(room: Room) -> None:
    assert room.python(OWN) == "own\n"


def test_an_agent_has_a_network_and_each_switch_is_kept(room: Room, listener: Listener) -> None:
    for view, reached in [
        (for_agents(room.worktree, room.settings), True),
        (for_agents(room.worktree, Settings(mode="bwrap", agent_network=False)), False),
        (for_tests(room.worktree, Settings(mode="bwrap", test_network=True)), True),
    ]:
        end = room([sys.executable, "-c", TRY, *listener.arguments], sandbox=view, VIRTUAL_ENV=sys.prefix)
        assert ("localhost" in end.tail()) == reached
