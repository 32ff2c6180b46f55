"""What an agent may do through the Agent Client Protocol; with a real agent: real_agents_test.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from acp import RequestError, schema

from agents.foreign.acp_client import Client

OPTIONS = [
    schema.PermissionOption(option_id="for-ever", name="Always", kind="allow_always"),
    schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    schema.PermissionOption(option_id="no", name="No", kind="reject_once"),
]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    root = tmp_path / "worktree"
    (root / "src").mkdir(parents=True)
    (root / "src/a.py").write_text("one\ntwo\nthree\n")
    (root / "out").symlink_to(tmp_path)
    return Client(root, ["src/"])


def asked(client: Client, kind: str, *paths: str) -> str:
    locations = [schema.ToolCallLocation(path=path) for path in paths]
    call = schema.ToolCallUpdate.model_validate({"toolCallId": "1", "kind": kind, "title": "t"})
    call.locations = locations
    outcome = asyncio.run(client.request_permission("s", call, OPTIONS)).outcome
    return getattr(outcome, "option_id", "cancelled")


def test_a_change_in_scope_and_a_command_are_allowed_once(client: Client) -> None:
    assert asked(client, "edit", str(client.root / "src/a.py")) == "yes"
    assert asked(client, "execute") == "yes"
    assert asked(client, "read", "/etc/hostname") == "yes", "the sandbox says what is there to be read"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "out/x", "other.py", ".git", "src/.git/config"])
def test_a_change_elsewhere_is_refused(client: Client, path: str) -> None:
    assert asked(client, "edit", path) == "no"
    assert asked(client, "delete", str(client.root / "src/a.py"), path) == "no"


def test_files_are_read_within_the_worktree(client: Client, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    read = client.read_text_file
    assert asyncio.run(read("s", str(client.root / "src/a.py"))).content == "one\ntwo\nthree\n"
    assert asyncio.run(read("s", "src/a.py", line=2, limit=1)).content == "two\n"
    for path in (str(tmp_path / "secret"), "../secret", "out/secret", "src", "src/missing"):
        with pytest.raises(RequestError):
            asyncio.run(read("s", path))


def test_files_are_written_within_the_scope(client: Client, tmp_path: Path) -> None:
    asyncio.run(client.write_text_file("s", str(client.root / "src/new/b.py"), "b\n"))
    assert (client.root / "src/new/b.py").read_text() == "b\n"
    (client.root / "src/link").symlink_to(tmp_path / "theirs")
    for path in ("other.py", "../x", "out/x", "src/link", "src/.git", str(tmp_path / "x")):
        with pytest.raises(RequestError):
            asyncio.run(client.write_text_file("s", path, "x"))
    assert not (tmp_path / "theirs").exists() and not (tmp_path / "x").exists()


def test_the_last_message_is_what_comes_after_the_last_tool(client: Client) -> None:
    def chunk(text: str) -> schema.AgentMessageChunk:
        content = schema.TextContentBlock(type="text", text=text)
        return schema.AgentMessageChunk(session_update="agent_message_chunk", content=content)

    tool = schema.ToolCallStart(session_update="tool_call", tool_call_id="1", title="edit")
    for update in (chunk("Let me see."), tool, chunk("Do"), chunk("ne.")):
        asyncio.run(client.session_update("s", update))
    assert client.said == "Done."
