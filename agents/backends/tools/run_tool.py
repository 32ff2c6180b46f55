"""Runs a command in the sandbox, as tests are run: without network, within limits."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from agents.backends import tools
from agents.processes.environment import clean_environment
from agents.sandbox import for_tests
from agents.sandbox.run import Limits, run
from agents.tasks.attempt import Job
from agents.test_runs.installed import installed

DESCRIPTION = (
    "Run a shell command in the repository's root, such as its tests; no network. Output and exit code."
)
_ENVIRONMENT = {"CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}  # caches would be changes outside the scope
_TAIL = 16_000
_LONGEST = 100_000  # bytes: the kernel takes 128 KiB (execve(2), MAX_ARG_STRLEN)


class Arguments(tools.Arguments, frozen=True, kw_only=True):
    command: Annotated[str, Meta(min_length=1)]


def use(job: Job, arguments: Arguments) -> str:
    config = job.claim.config
    if "\0" in arguments.command:
        raise tools.ToolFailed("the command holds a NUL character")
    if len(arguments.command.encode(errors="replace")) > _LONGEST:
        raise tools.ToolFailed(
            f"the command is longer than {_LONGEST} bytes", "change files by `apply_patch`"
        )
    number = len(list(job.logs.glob("command-*.log"))) + 1
    with installed(job.worktree, config.test) as readable:
        finished = run(
            arguments.command,
            cwd=job.worktree.path,
            env=clean_environment(_ENVIRONMENT, pass_env=config.test.pass_env),
            log=job.logs / f"command-{number}.log",
            limits=Limits.of(config.walls, seconds=config.coder.command_seconds),
            keep_running=job.keep_running,
            sandbox=for_tests(job.worktree, config.walls, readable),
        )
    ended = f"ended: over its limit ({finished.stopped})" if finished.stopped else ""
    cut = "[the start of the output is left out]\n" if finished.output_path.stat().st_size > _TAIL else ""
    return f"{ended or f'exit code {finished.exit_code}'}\n{cut}{finished.tail(_TAIL)}"
