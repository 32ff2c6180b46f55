"""Any program as the coder: an agent that a preset knows, or the shell command of `coder.command`."""

from __future__ import annotations

from agents.backends import Job
from agents.cli_agent import Agent
from agents.preset import chosen
from state.errors import UsageError
from state.records import Usage


def solve(job: Job) -> Usage | None:
    name, preset = chosen(job.claim.config)
    if preset.arguments is None:
        raise UsageError(f"{name} is not run as a command", "set coder.backend to acp")
    return Agent(name, preset, job).work(preset.arguments)
