"""Runs an untrusted command within bounds and leaves nothing of it behind.

A descendant may leave the process group by a double fork and a new session, so every run is marked by a
random word in REFACTORY_RUN_ID, and whatever still carries it at the end is killed. A process that wipes its
environment as well escapes this; against those only the walls of a sandbox help: its own pid namespace.
"""

from __future__ import annotations

import os
import secrets
import selectors
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from agents.processes.output_log import OutputLog
from agents.processes.tree import MARK, Tree, kill
from agents.sandbox import Access, Confined, confined
from agents.sandbox.unseen import unseen
from state.config import Sandbox as Settings
from state.errors import WorkFailed
from state.records import SandboxKind

POLL = 0.2

Stopped = Literal["time", "processes", "memory", "cancelled"]


@dataclass(frozen=True)
class Limits:
    """`memory_mb` is what one process may allocate, as RLIMIT_DATA, and binds on Linux only.

    RLIMIT_AS would count the address space that node, Go and Java reserve and never touch. `processes` and
    `total_mb`, what they all hold, are counted by looking: RLIMIT_NPROC counts all of a user's processes and does
    not bind root.
    """

    seconds: float = 600
    memory_mb: int | None = 4096
    total_mb: int | None = None
    output_bytes: int = 8 * 1024 * 1024
    processes: int | None = 512

    @classmethod
    def of(cls, settings: Settings, seconds: float, memory_mb: int | None = None) -> Limits:
        """What the sandbox's section of the configuration allows."""
        return cls(seconds, memory_mb, settings.memory_mb, processes=settings.processes)


@dataclass(frozen=True)
class Finished:
    """`exit_code` is minus the signal's number if one ended it (128 plus it, behind walls); `stopped` says why we
    ended it, if we did; `sandbox` what held it.
    """

    exit_code: int
    stopped: Stopped | None
    output_path: Path
    output_truncated: bool
    seconds: float
    sandbox: SandboxKind = "none"

    @property
    def timed_out(self) -> bool:
        return self.stopped == "time"

    def tail(self, n_bytes: int = 4000) -> str:
        """The end of the output, as text."""
        with self.output_path.open("rb") as file:
            file.seek(max(0, self.output_path.stat().st_size - n_bytes))
            return file.read(n_bytes).decode("utf-8", "replace")


def run(
    argv: Sequence[str] | str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    limits: Limits = Limits(),
    stdin: bytes | None = None,
    on_start: Callable[[int], None] | None = None,
    keep_running: Callable[[], bool] | None = None,
    sandbox: Access | None = None,
) -> Finished:
    """Run `argv` (a string: by the shell) in its own session, stdout and stderr into `log`, until it ends.

    The environment is `env` and the mark. A command that is not found ends with 127, as in a shell.
    """
    token = secrets.token_hex(16)
    started = time.monotonic()
    command = ["/bin/sh", "-c", argv] if isinstance(argv, str) else [*argv]
    held = confined(command, env, sandbox) if sandbox else Confined(command, {**env})
    with OutputLog.into(log, limits.output_bytes) as output:
        process = _start(held.argv, cwd, _marked(held.env, token), limits, stdin)
        try:
            if on_start:
                on_start(process.pid)
            tree = Tree(process.pid, token, held.scratch)
            stopped = _watch(process, output, tree, limits, keep_running)
        finally:
            kill(process, token)
            if process.stdout:
                output.drain(process.stdout)
    seconds = time.monotonic() - started
    finished = Finished(process.returncode, stopped, log, output.dropped > 0, seconds, held.kind)
    if held.kind == "bwrap" and finished.exit_code and not stopped:
        _explain(finished, held, cwd)
    return finished


def _explain(finished: Finished, held: Confined, cwd: Path) -> None:
    """What has failed because of the walls must not look like a failure of the tests."""
    said = finished.tail()
    if said.startswith("bwrap: ") and finished.exit_code == 1:
        raise WorkFailed(f"the sandbox could not be built: {said.strip().removeprefix('bwrap: ')}")
    with finished.output_path.open("a", encoding="utf-8") as file:
        for path in unseen(said, held.env.get("PATH", os.defpath), cwd, held.visible):
            file.write(
                f"[sandbox: {path} is not visible here; sandbox.readOnly in the configuration binds it]\n"
            )


def _marked(env: Mapping[str, str], token: str) -> dict[str, str]:
    """Runs nest: whoever ends the outer one must find the inner one's processes as well."""
    return {**env, MARK: f"{os.environ.get(MARK, '')}:{token}"}


def _start(
    command: Sequence[str], cwd: Path, env: dict[str, str], limits: Limits, stdin: bytes | None
) -> subprocess.Popen[bytes]:
    """A shell sets the limits and becomes the command: `preexec_fn` is unsafe where threads run."""
    set_limits = "ulimit -c 0; "
    if limits.memory_mb is not None:
        set_limits += f"ulimit -d {limits.memory_mb * 1024} 2>/dev/null; "
    wrapped = ["/bin/sh", "-c", set_limits + 'exec "$@"', "sh", *command]
    try:
        with _input(stdin) as given:
            process = subprocess.Popen(
                wrapped,
                cwd=cwd,
                env=env,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise WorkFailed(f"cannot start {command[:1]} in {cwd}: {error}") from error
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), False)
    return process


def _input(data: bytes | None) -> IO[bytes]:
    """A file, as a pipe's writer would have to wait for its reader."""
    if data is None:
        return Path(os.devnull).open("rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    file.write(data)
    file.seek(0)
    return file


def _watch(
    process: subprocess.Popen[bytes],
    output: OutputLog,
    tree: Tree,
    limits: Limits,
    keep_running: Callable[[], bool] | None,
) -> Stopped | None:
    """Copy output until the process ends (None) or must be ended."""
    assert process.stdout
    deadline = time.monotonic() + limits.seconds
    looks, next_look = 0, 0.0
    with _ready(process) as ready:
        while not _ended(process):
            now = time.monotonic()
            if now >= deadline:
                return "time"
            if now >= next_look:
                looks, next_look = looks + 1, now + POLL
                if keep_running and not keep_running():
                    return "cancelled"
                # Without walls the whole of /proc has to be read.
                due = looks % 5 == 0 or tree.scratch is not None
                if due and (over := tree.over(limits.processes, limits.total_mb)):
                    return over
            for key, _ in ready.select(min(POLL, deadline - now)):
                if key.fileobj is process.stdout and not output.copy(process.stdout):
                    ready.unregister(process.stdout)
    return None


@contextmanager
def _ready(process: subprocess.Popen[bytes]) -> Iterator[selectors.BaseSelector]:
    """Wakes on output and, where Linux offers it, on the process's end."""
    assert process.stdout
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        end = -1
        with suppress(AttributeError, OSError):
            end = os.pidfd_open(process.pid)
            ready.register(end, selectors.EVENT_READ)
        try:
            yield ready
        finally:
            if end >= 0:
                os.close(end)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """The process stays a zombie where possible, so that its pid, group and session name nobody else."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
