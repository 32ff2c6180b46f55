"""A worktree to attack from, and commands run in it as tests are run."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from agents.processes.environment import clean_environment
from agents.sandbox import Access, for_tests
from agents.sandbox.run import Finished, Limits, run
from agents.worktrees.worktree import Worktree
from state.config import Sandbox as Settings


@dataclass
class Room:
    worktree: Worktree
    log: Path
    settings: Settings = field(default_factory=lambda: Settings(mode="bwrap"))

    def __call__(
        self, command: str | list[str], seconds: float = 30, sandbox: Access | None = None, **extra: str
    ) -> Finished:
        return run(
            command,
            cwd=self.worktree.path,
            env=clean_environment(extra),
            log=self.log,
            limits=Limits.of(self.settings, seconds, memory_mb=self.settings.memory_mb),
            sandbox=sandbox or for_tests(self.worktree, self.settings),
        )

    def said(self, command: str | list[str], **extra: str) -> str:
        return self(command, **extra).tail(100_000)

    def python(self, code: str, *args: object) -> str:
        return self.said([sys.executable, "-c", code, *map(str, args)], VIRTUAL_ENV=sys.prefix)
