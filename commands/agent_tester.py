"""Run a tester: it tests what coders have finished, until stopped."""

from __future__ import annotations

from commands._agent import agent_command

COMMAND = agent_command("agent:tester", __doc__ or "", "tester")
