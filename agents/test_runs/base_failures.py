"""What fails on the base commit already is not blamed on who built on it.

The base is run once for each owner, and only once something is red.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agents.test_runs.run import Base, Check, Ran, run_test, whole_command
from state.private_files import write_private
from state.records import Tests


class BaseRun(msgspec.Struct, frozen=True):
    """How a command ended on the base. `names` of failed tests: null where not every one is known."""

    red: bool
    exit_code: int
    names: list[str] | None


def excused(check: Check, ran: Ran) -> list[str]:
    """Failed tests, or the command, that the base has too. Empty: something is new, or can't be compared."""
    if check.base is None or ran.finished.stopped:
        return []
    names = ran.counts.names if ran.counts else None
    if names is None and not check.base.whole:
        return []
    before = run_on_base(check, check.base, ran.command)
    if before is None or not before.red:
        return []
    if names is not None:
        return sorted(names) if before.names and names <= set(before.names) else []
    same = before.names is None and before.exit_code == ran.finished.exit_code
    return [ran.command] if same else []


def base_verdict(check: Check, base: Base) -> Tests | None:
    """Of the base itself, by the run that others are compared with; None if that names no tests, or is none."""
    command = whole_command(check.workspace.repository, base.commit, check.config)
    ran = run_on_base(check, base, command) if command else None
    if command is None or ran is None or (ran.red and ran.names is None):
        return None
    return Tests(verdict="passed", tester=check.tester, commands=[command], base_failures=ran.names or [])


def run_on_base(check: Check, base: Base, command: str) -> BaseRun | None:
    """Once for each owner. None if it was stopped, so that nothing is known."""
    check.workspace.bring(base.commit, base.branch)
    path = check.workspace.private / "verdicts" / f"base-{_name(check, base, command)}.json"
    with _one_at_a_time(path):
        try:
            return msgspec.json.decode(path.read_bytes(), type=BaseRun)
        except (FileNotFoundError, msgspec.MsgspecError):
            pass
        with check.workspace.pool.checkout(base.commit) as worktree:
            ran = run_test(check, worktree, command, check.logs / "base.log")
        if ran.finished.stopped:
            return None
        names = ran.counts.names if ran.counts else None
        found = BaseRun(bool(ran.why_red), ran.finished.exit_code, None if names is None else sorted(names))
        write_private(path, msgspec.json.encode(found).decode())
        return found


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Testers are processes: the second one waits for what the first finds out."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        yield


def _name(check: Check, base: Base, command: str) -> str:
    said = "\0".join(
        [check.workspace.repository.tree(base.commit), command, str(check.config.junit), base.owner]
    )
    return hashlib.sha256(said.encode()).hexdigest()[:40]
