"""What was said to a model and what it said, for a person to read: one file for each call, without secrets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from agents.model.fence import fenced
from agents.model.settings import ModelSettings
from agents.model.tools import Turn
from state.private_files import write_private
from state.secrets import redacted


def write_transcript(
    path: Path, settings: ModelSettings, instructions: str, turns: Sequence[Turn], answer: str, usage: str
) -> None:
    """The answer may be the reason why there is none."""
    parts = [f"# {settings.model}: {usage}", fenced("instructions", instructions)]
    parts += [fenced(turn.role, turn.text) for turn in turns]
    parts.append(fenced("answer", answer))
    write_private(
        path, redacted("\n\n".join(parts) + "\n", os.environ.get(settings.api_key_env, "")), durable=False
    )
