"""What was said to a model and what it said, for a person to read: one file for each call, without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from agents.model.fence import fenced
from agents.model.settings import ModelSettings
from agents.model.tools import Turn
from state.private_files import write_private

# Whatever looks like a key of one of the known kinds; the repository's files may hold some.
_SECRET = re.compile(
    r"\b(sk-[\w-]{16,}|gh[opsu]_\w{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}|(AKIA|ASIA)[0-9A-Z]{16})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
    re.DOTALL,
)


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


def redacted(text: str, key: str = "") -> str:
    """Without the key in use, and without anything that looks like one."""
    text = text.replace(key, "***") if len(key) >= 8 else text
    return _SECRET.sub("***", text).encode("utf-8", "replace").decode()
