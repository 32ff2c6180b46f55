"""Git's own lock files: a killed git leaves them, and every later one fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable, found
from state.lock import locked

_UPDATE = 3.0  # seconds that no update of a ref of ours takes
_WORK = 60.0  # seconds that few gits of the user's take; an editor may be open for longer, so we only tell
_OURS = ("refs/heads/refactory/", "refs/refactory/")


def ours(evidence: Evidence) -> Iterator[Found]:
    for path, since in _locks(evidence.git.git_dir):
        if _is_ours(evidence, path) and time.time() - since > _UPDATE:
            mend = partial(_remove, evidence, path)
            yield fixable("git-lock", f"{path} was left by a killed git", "remove it", mend)


def users(evidence: Evidence) -> Iterator[Found]:
    """They belong to the user's git, which may still run."""
    for path, since in _locks(evidence.git.git_dir):
        if not _is_ours(evidence, path) and time.time() - since > _WORK:
            message = f"{path} is there since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(since))}"
            hint = "a killed git left it, unless one is still at work (an open editor?); then remove it"
            yield found("git-lock", message, hint)


def _locks(git_dir: Path) -> Iterator[tuple[Path, float]]:
    """And since when they are there."""
    for glob in ("*.lock", "refs/**/*.lock", "worktrees/*/*.lock"):
        for path in sorted(git_dir.glob(glob)):
            with suppress(FileNotFoundError):
                yield path, path.stat().st_mtime


def _is_ours(evidence: Evidence, path: Path) -> bool:
    return str(path.relative_to(evidence.git.git_dir)).startswith(_OURS)


def _remove(evidence: Evidence, path: Path, backup: Backup) -> None:
    with locked(evidence.workspace.git_lock, "doctor"):
        backup.remove(path)
