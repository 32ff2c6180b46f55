"""The agents of one run, as subprocesses: started, restarted when killed, ended with the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from agents.work import Role
from state.errors import BudgetReached, RefactoryError, Unavailable

_RESTARTS = 20  # per agent; a coder that is killed more often than this is killed by its task


@dataclass
class Member:
    name: str
    role: Role
    process: subprocess.Popen[bytes]
    starts: int = 1


@dataclass
class Crew:
    """`arguments` come before the agent's command: the repository, the API's URL."""

    arguments: Sequence[str]
    plan: str
    logs: Path
    members: dict[str, Member] = field(default_factory=dict)

    def start(self, name: str, role: Role) -> None:
        self.members[name] = Member(name, role, self._spawn(name, role))

    def check(self) -> None:
        """Start again what was killed. Raises what an agent ended with by itself: the others would, too."""
        for member in self.members.values():
            status = member.process.poll()
            if status is None:
                continue
            if status > 0 or member.starts > _RESTARTS:
                raise self._failure(member, status)
            member.process = self._spawn(member.name, member.role)
            member.starts += 1

    def stop(self) -> None:
        for member in self.members.values():
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)
        for member in self.members.values():
            try:
                member.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self, name: str, role: Role) -> subprocess.Popen[bytes]:
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(program()), *self.arguments, f"agent:{role}", "--name", name,
                 "--plan-id", self.plan, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # ^C reaches us alone; we end them in order
            )  # fmt: skip

    def _failure(self, member: Member, status: int) -> RefactoryError:
        said = (self.logs / f"{member.name}.log").read_text(encoding="utf-8", errors="replace").strip()
        lines = [line for line in said.splitlines() if line.startswith("refactory: ")]
        kind = BudgetReached if status == BudgetReached.exit_code else Unavailable
        error = kind(
            f"{member.name}: {lines[-1].removeprefix('refactory: ') if lines else f'ended with {status}'}",
            f"its log is {self.logs / member.name}.log; run the command again to go on",
        )
        error.exit_code = max(status, 1)
        return error


def program() -> Path:
    """refactory.py: beside the packages in a checkout, beside their private folder when installed."""
    here = Path(__file__).resolve().parents
    return next(folder / "refactory.py" for folder in here if (folder / "refactory.py").is_file())
