"""How our branches and refs are named."""

from __future__ import annotations

from pathlib import Path

ATTEMPTS = "refs/refactory/attempts/"
BACKUPS = "refs/refactory/backup/"


def task_branch(task: str) -> str:
    return f"refactory/tasks/{task}"


def plan_branch(plan: str) -> str:
    return f"refactory/plans/{plan}"


def branch_ref(branch: str) -> str:
    return f"refs/heads/{branch}"


def backup_ref(owner: str, commit: str) -> str:
    """Outside refs/heads, so that `git branch` stays short; one for each commit, and nothing of ours deletes it."""
    return f"{BACKUPS}{owner}/{commit[:16]}"


def attempt_ref(branch: str, commit: str) -> str:
    """Where a task's commit is from before it is reported: named after it, so nobody ever moves another's."""
    return f"{ATTEMPTS}{branch.removeprefix('refactory/tasks/')}/{commit[:16]}"


def may_be_there(git_dir: Path, prefix: str) -> bool:
    """Whether refs may begin so, without starting git (gitrepository-layout(5)); True where that can't be told."""
    if (git_dir / "reftable").exists() or (git_dir / prefix).exists():
        return True
    try:
        return prefix.encode() in (git_dir / "packed-refs").read_bytes()
    except FileNotFoundError:
        return False
