"""Where people and programs keep keys: hidden, even where what is around it is bound."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

_IN_HOME = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".config/gcloud", ".config/gh", ".config/glab-cli",
    ".config/hub", ".config/op", ".config/git/credentials", ".git-credentials", ".netrc", ".npmrc", ".yarnrc.yml",
    ".pypirc", ".pip", ".config/pip", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials",
    ".m2/settings.xml", ".m2/settings-security.xml", ".gradle/gradle.properties", ".local/share/keyrings",
    ".local/state/refactory", ".password-store", ".vault-token", ".terraform.d", ".bash_history", ".zsh_history",
    ".python_history", ".mozilla", ".config/google-chrome", ".codex", ".claude", ".claude.json", ".gemini",
)  # fmt: skip


def masks(env: Mapping[str, str], bound: Collection[Path], wanted: Collection[Path]) -> Iterator[Path]:
    """Those that would be seen through something bound, unless one was asked for by its own name."""
    home = Path(env.get("HOME") or "/")
    state = os.environ.get("XDG_STATE_HOME")
    places = [home / name for name in _IN_HOME] + ([Path(state, "refactory")] if state else [])
    for path in places:
        asked_for = any(one.is_relative_to(path) for one in wanted)
        if not asked_for and any(path.is_relative_to(folder) for folder in bound) and path.exists():
            yield path
