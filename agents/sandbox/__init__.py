"""What an untrusted command may see, change and reach.

Say it where the command is run; `run` of `run.py` does the rest, and tells afterwards what held (`Finished.sandbox`):

    run("pytest -q", cwd=worktree.path, env=clean_environment(), log=log, limits=Limits.of(settings, seconds=600),
        sandbox=for_tests(worktree, settings, writable=[reports]))

    run(command, ..., sandbox=for_agents(worktree, settings, readable=[task_file], home=[".codex/auth.json"]))

With walls (bubblewrap) the command sees the system's programs, the toolchains that PATH and its kin lead to, the
worktree, what is readable of the git folder, and what is named here; nothing else of the disk is there. The home and
/tmp are its own, empty, and gone afterwards. Whoever must start the process otherwise (two pipes to talk through)
takes `confined(argv, env, sandbox)` and starts what it returns; the limits are then theirs to keep.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.sandbox.access import Access as Access
from agents.sandbox.bubblewrap import program, walls_for, why_not
from state.config import Sandbox as Settings
from state.errors import UsageError
from state.records import SandboxKind

if TYPE_CHECKING:
    from agents.worktrees.worktree import Worktree

_THREADS = 8  # for each process that is allowed


class NoSandbox(UsageError):
    """The configuration demands walls, and there are none to be had."""

    code = "no_sandbox"


@dataclass(frozen=True)
class Confined:
    """What to start instead, with nothing but `env`: a wall's own environment can be read from behind it.

    `visible` is all that is there of the disk, `scratch` what is there in memory.
    """

    argv: list[str]
    env: dict[str, str]
    kind: SandboxKind = "none"
    visible: tuple[Path, ...] = ()
    scratch: tuple[str, ...] | None = None


def for_tests(
    worktree: Worktree, settings: Settings, readable: Iterable[Path] = (), writable: Iterable[Path] = ()
) -> Access:
    """For tests, and for commands that a model asks for: no network unless `sandbox.testNetwork` says so."""
    return _access(worktree, settings, settings.test_network, readable, writable)


def for_agents(
    worktree: Worktree,
    settings: Settings,
    readable: Iterable[Path] = (),
    writable: Iterable[Path] = (),
    home: Iterable[str] = (),
    home_writable: Iterable[str] = (),
) -> Access:
    """For programs that have to reach their model."""
    return _access(worktree, settings, settings.agent_network, readable, writable, home, home_writable)


def _access(worktree: Worktree, settings: Settings, network: bool, *places: Iterable[Any]) -> Access:
    return Access(worktree.path, worktree.git.git_dir, settings, network, *map(tuple, places))


def named_in(command: str | None) -> list[Path]:
    """Files outside that a configured command names with their whole path: whoever configured it wants them seen."""
    try:
        words = shlex.split(command or "")
    except ValueError:
        return []
    paths = (Path(word).expanduser() for word in words if word.startswith(("/", "~/")))
    return [path for path in paths if path.is_file()]


def kind_of(settings: Settings) -> SandboxKind:
    """What is in force. Raises NoSandbox where `bwrap` is demanded and does not work."""
    if settings.mode == "none":
        return "none"
    reason = why_not()
    if not reason:
        return "bwrap"
    if settings.mode == "bwrap":
        raise NoSandbox(
            f"sandbox: bwrap is configured, but bubblewrap does not work here: {reason}",
            "`sandbox: auto` in .refactory/config.yaml goes on without walls, `refactory doctor` says what is missing",
        )
    return "none"


def announce(settings: Settings) -> None:
    """Before anything runs: raises NoSandbox, or says once what `auto` has to do without."""
    if kind_of(settings) == "none" and settings.mode == "auto":
        _warn(why_not())


@cache
def _warn(reason: str) -> None:
    print(
        f"refactory: tests and coders run without walls, bubblewrap does not work here: {reason}",
        file=sys.stderr,
    )


def confined(argv: Sequence[str], env: Mapping[str, str], sandbox: Access) -> Confined:
    """The command behind the walls that the settings ask for, or as it is."""
    if kind_of(sandbox.settings) == "none":
        return Confined([*argv], {**env})
    walls = walls_for(sandbox, env)
    return Confined(
        [program(), *walls.options, "--", *_counted(argv, sandbox.settings.processes)],
        walls.env,
        "bwrap",
        walls.visible,
        walls.scratch,
    )


def _counted(argv: Sequence[str], processes: int | None) -> list[str]:
    """RLIMIT_NPROC counts threads; behind walls it counts theirs alone (but root's never). `-p`: so says dash."""
    limit = (
        f"n={processes * _THREADS}; ulimit -u $n 2>/dev/null || ulimit -p $n 2>/dev/null; "
        if processes
        else ""
    )
    return ["/bin/sh", "-c", limit + 'exec "$@"', "sh", *argv]
