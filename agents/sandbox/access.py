"""One untrusted command's view of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from state.config import Sandbox as Settings


@dataclass(frozen=True)
class Access:
    """`git_dir` is the worktree's own, in `.git/worktrees/`; None for a folder without git.

    `readable` and `writable` are bound as they are, whatever they hold. `home` and `home_writable` are paths below
    the home that the command needs, such as `.codex/auth.json`; what it may write there, it may poison for you.
    """

    worktree: Path
    git_dir: Path | None
    settings: Settings
    network: bool = False
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    home: tuple[str, ...] = ()
    home_writable: tuple[str, ...] = ()
