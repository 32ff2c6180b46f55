"""Run a coder: it claims the tasks assigned to it and solves them, until stopped."""

from __future__ import annotations

from commands._agent import agent_command

COMMAND = agent_command("agent:coder", __doc__ or "", "coder")
