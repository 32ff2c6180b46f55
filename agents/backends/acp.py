"""Any agent that speaks the Agent Client Protocol (agentclientprotocol.com): one that a preset knows, or a command."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agents.foreign.cli_agent import Agent
from agents.foreign.preset import check_coder, chosen, load
from agents.prompts.prompt import task_text
from agents.tasks.attempt import Job
from state.records import Usage

_PACKAGES = Path(__file__).parents[2]
# It runs behind walls, where nothing of ours is installed: it is told where its modules are.
_START = (
    f"import sys; sys.path.insert(0, {str(_PACKAGES)!r}); from agents.foreign.acp_client import main; main()"
)


def solve(job: Job) -> Usage | None:
    check_coder(job.claim.config)
    name, preset = chosen(job.claim.config)
    assert preset.acp is not None
    agent = Agent(name, replace(preset, events=load("acp").events), job)
    given = msgspec.json.encode({"task": task_text(job.claim), "scope": job.claim.task.scope}).decode()
    readable = [Path(sys.prefix), Path(sys.base_prefix), _PACKAGES / "agents"]
    return agent.work(preset.acp, before=[sys.executable, "-c", _START, given], readable=readable)
