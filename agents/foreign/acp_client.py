"""Speaks the Agent Client Protocol with an agent, as a program of its own: behind the same walls as the agent.

    python acp_client.py '{"task": ..., "scope": [...]}' AGENT ARGUMENT...

What happens is told in JSON lines, for which `presets/acp.yaml` says where to look. The agent is refused files outside
the worktree and the scope; that is for its own good, as the walls hold, and the change is checked afterwards.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, cast

import acp
from acp import schema

from agents.edits.tree.paths import refuse_reason

_LINE = 2**24  # bytes of a message: it may hold whole files
_CHANGES = ("edit", "delete", "move")
_AUTH_REQUIRED = -32000


class Client:
    """What the agent may ask of us, and what it tells."""

    def __init__(self, root: Path, scope: list[str]) -> None:
        self.root = root.resolve()
        self.scope = scope
        self.said = ""
        self.used = 0  # what the context held after each request, which is what that request took

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        if isinstance(update, schema.AgentMessageChunk):
            self.said += getattr(update.content, "text", "")
        elif isinstance(update, schema.ToolCallStart):
            self.said = ""  # the last message is what comes after the last tool
            tell("tool", title=update.title, does=update.kind)
        elif isinstance(update, schema.UsageUpdate):
            self.used += update.used

    async def request_permission(
        self,
        session_id: str,
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **_: Any,
    ) -> schema.RequestPermissionResponse:
        """Everything but changes elsewhere: nobody is there to be asked."""
        reason = self._refusal(tool_call)
        wanted = ("reject_once", "reject_always") if reason else ("allow_once", "allow_always")
        tell("permission", title=tool_call.title, refused=reason)
        for kind in wanted:
            for option in options:
                if option.kind == kind:
                    chosen = schema.AllowedOutcome(outcome="selected", option_id=option.option_id)
                    return schema.RequestPermissionResponse(outcome=chosen)
        return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))

    def _refusal(self, tool_call: schema.ToolCallUpdate) -> str | None:
        if tool_call.kind not in _CHANGES:
            return None
        reasons = (self._reason(location.path) for location in tool_call.locations or [])
        return next(filter(None, reasons), None)

    def _reason(self, path: str) -> str | None:
        place = Path(os.path.realpath(self.root / path))
        if not place.is_relative_to(self.root):
            return f"{path} is outside the worktree"
        return refuse_reason(str(place.relative_to(self.root)), self.scope)

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **_: Any
    ) -> schema.ReadTextFileResponse:
        place = Path(os.path.realpath(self.root / path))
        if not place.is_relative_to(self.root) or not place.is_file():
            raise acp.RequestError.invalid_params({"path": path, "reason": "no such file in the worktree"})
        lines = place.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        start = max(0, (line or 1) - 1)
        content = "".join(lines[start : start + limit if limit is not None else None])
        return schema.ReadTextFileResponse(content=content)

    async def write_text_file(
        self, session_id: str, path: str, content: str, **_: Any
    ) -> schema.WriteTextFileResponse | None:
        if reason := self._reason(path):
            raise acp.RequestError.invalid_params({"path": path, "reason": reason})
        place = Path(os.path.realpath(self.root / path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
        return None


def tell(kind: str, **what: Any) -> None:
    print(json.dumps({"type": kind, **what}), flush=True)


async def work(task: str, scope: list[str], argv: list[str]) -> None:
    client = Client(Path.cwd(), scope)
    spawned = acp.spawn_agent_process(
        cast(acp.Client, client),
        *argv,
        env=os.environ,
        cwd=Path.cwd(),
        transport_kwargs={"limit": _LINE, "stderr": None},
    )
    async with spawned as (agent, _):
        await agent.initialize(acp.PROTOCOL_VERSION, _abilities())
        session = await _session(agent)
        prompt: list[Any] = [schema.TextContentBlock(type="text", text=task)]
        try:
            done = await agent.prompt(prompt=prompt, session_id=session)
            if done.usage:
                client.used = 0
                tell("usage", input=done.usage.input_tokens, output=done.usage.output_tokens)
        finally:
            if client.said.strip():
                tell("message", text=client.said)
            if client.used:
                tell("usage", input=client.used, output=0)
        if done.stop_reason != "end_turn":
            tell("error", message=f"it stopped: {done.stop_reason}")


def _abilities() -> schema.ClientCapabilities:
    return schema.ClientCapabilities(
        fs=schema.FileSystemCapabilities(read_text_file=True, write_text_file=True)
    )


async def _session(agent: Any) -> str:
    made = await agent.new_session(cwd=str(Path.cwd()), mcp_servers=[])
    return str(made.session_id)


def main() -> None:
    given = json.loads(sys.argv[1])
    try:
        asyncio.run(work(given["task"], given["scope"], sys.argv[2:]))
    except acp.RequestError as error:
        said = f"{error} {json.dumps(error.data) if error.data else ''}".strip()
        tell("error", message=f"authentication required: {said}" if error.code == _AUTH_REQUIRED else said)
        sys.exit(1)


if __name__ == "__main__":
    main()
