"""The agents of one run, a process for each role: started, restarted when killed, ended with the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from agents.tasks.work import Role
from state.errors import FAMILIES, RefactoryError
from state.origin import ENVIRONMENT, request_id

_ERROR = "refactory: "  # so the program begins what it ends with
_LINES = 40  # of an error: a changed prompt is shown with what changed
_RESTARTS = 20  # of a role's process; killed agents of several are started again by it (prefork.py)


@dataclass
class Member:
    """The process of all agents of a role."""

    role: Role
    names: Sequence[str]
    process: subprocess.Popen[bytes]
    starts: int = 1
    since: float = field(default_factory=time.monotonic)


@dataclass
class Crew:
    """`arguments` come before the agent's command: the repository, the API's URL."""

    arguments: Sequence[str]
    plan: str
    logs: Path
    members: dict[Role, Member] = field(default_factory=dict)

    def start(self, role: Role, names: Sequence[str]) -> None:
        self.members[role] = Member(role, names, self._spawn(role, names))

    def check(self) -> None:
        """Start again what was killed. Raises what an agent ended with by itself: the others would, too."""
        for member in self.members.values():
            status = member.process.poll()
            if status is None:
                continue
            if status > 0 or member.starts > _RESTARTS:
                raise self._failure(member, status)
            member.process = self._spawn(member.role, member.names)
            member.starts += 1

    def stop(self) -> None:
        for member in self.members.values():
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)
        for member in self.members.values():
            try:
                member.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self, role: Role, names: Sequence[str]) -> subprocess.Popen[bytes]:
        self.logs.mkdir(parents=True, exist_ok=True)
        options = [part for name in names for part in ("--name", name)]
        with self._log(role).open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(program()), *self.arguments, f"agent:{role}", *options,
                 "--plan-id", self.plan, "--parent", str(os.getpid())],
                env={**os.environ, ENVIRONMENT: request_id()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # ^C reaches us alone; we end them in order
            )  # fmt: skip

    def _log(self, role: Role) -> Path:
        return self.logs / f"{role}s.log"

    def _failure(self, member: Member, status: int) -> RefactoryError:
        log = self._log(member.role)
        message, hint = _last_error(log.read_text(encoding="utf-8", errors="replace"), member.names)
        kinds = {kind.exit_code: kind for kind in FAMILIES}  # the more general ones last
        error = kinds.get(status, RefactoryError)(
            f"{member.role}: {message or f'ended with {status}'}",
            "; ".join([*filter(None, [hint]), f"its log is {log}"]),
        )
        error.exit_code = max(status, 1)
        return error


def _last_error(log: str, names: Sequence[str]) -> tuple[str, str]:
    """The error that a process ended with, and its hint, which is indented. Others may have said more since."""
    _, found, last = f"\n{log}".rpartition(f"\n{_ERROR}")
    others = tuple(f"{name}: " for name in names)
    said = list(takewhile(lambda line: not line.startswith(others), last.splitlines() if found else []))[
        :_LINES
    ]
    hint = said.pop().strip() if len(said) > 1 and said[-1].startswith("  ") else ""
    return "\n".join(said), hint


def program() -> Path:
    """refactory.py: beside the packages in a checkout, beside their private folder when installed."""
    here = Path(__file__).resolve().parents
    return next(folder / "refactory.py" for folder in here if (folder / "refactory.py").is_file())
