"""Any program as the coder: an agent that a preset knows, or the shell command of `coder.command`."""

from __future__ import annotations

from agents.foreign.cli_agent import Agent
from agents.foreign.preset import check_coder, chosen
from agents.tasks.attempt import Job
from state.records import Usage


def solve(job: Job) -> Usage | None:
    check_coder(job.claim.config)
    name, preset = chosen(job.claim.config)
    assert preset.arguments is not None
    return Agent(name, preset, job).work(preset.arguments)
