"""What git is told by its environment: to run nothing that is planted, and who commits."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from git.cmd import Git

# Hooks, monitors and nested bare repositories are how a tree makes git run programs. The rest keeps git from
# starting work of its own in the background, and from signing in the user's name.
_SAFE = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "safe.bareRepository": "explicit",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "advice.detachedHead": "false",
    "core.quotePath": "false",
}

# `git rev-parse --local-env-vars`: what a hook or an alias around us sets for its own repository.
LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_OBJECT_DIRECTORY",
    "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
)  # fmt: skip


def safe() -> dict[str, str]:
    """As options of the command line (git-config(1), GIT_CONFIG_COUNT), which GitPython would search for passwords.

    Behind those that are there already, so ours count.
    """
    before = os.environ.get("GIT_CONFIG_COUNT", "")
    start = int(before) if before.isdecimal() else 0
    return _config(start) | {"GIT_CONFIG_COUNT": str(start + len(_SAFE))}


@cache
def _config(start: int) -> dict[str, str]:
    env: dict[str, str] = {}
    for number, (name, value) in enumerate(_SAFE.items(), start):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env


@cache
def identity(git_dir: Path) -> dict[str, str]:
    """Refactory's own name where the user has configured none; CI machines seldom have one."""
    status, _, _ = Git().execute(
        ["git", "--git-dir", str(git_dir), "var", "GIT_COMMITTER_IDENT"],
        with_extended_output=True,
        with_exceptions=False,
        env={"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly", "GIT_CONFIG_VALUE_0": "true"},
    )
    if status == 0:
        return {}
    name, email = "Refactory", "refactory@localhost"
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }
