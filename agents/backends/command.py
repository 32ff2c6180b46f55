"""Any program as the coder: told the task by file, environment and standard input, run in the worktree."""

from __future__ import annotations

import msgspec

from agents.backends import AttemptFailed, Job
from agents.environment import clean_environment
from agents.processes import Finished, Limits, run
from agents.prompt import task_text
from agents.sandbox import for_agents, named_in
from state.errors import UsageError
from state.keys import number_of
from state.records import Usage

# What the known command line agents need to reach their models; everything else is asked for by `passEnv`.
_KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "GEMINI_API_KEY")


def solve(job: Job) -> Usage | None:
    """Its exit code alone says nothing: what changed in the worktree is the result, and tests judge it."""
    coder = job.claim.config.coder
    if not coder.command:
        raise UsageError(
            "coder.backend is command, but coder.command is not set", "set it in .refactory/config.yaml"
        )
    finished = run(
        coder.command,
        cwd=job.worktree.path,
        env=_environment(job),
        log=job.logs / "coder.log",
        limits=Limits.of(job.claim.config.walls, coder.seconds),
        stdin=task_text(job.claim).encode(),
        keep_running=job.keep_running,
        sandbox=for_agents(
            job.worktree, job.claim.config.walls, readable=[job.logs / "task.json", *named_in(coder.command)]
        ),
    )
    _judge(job, finished)
    return None


def _environment(job: Job) -> dict[str, str]:
    task = job.claim.task
    path = job.logs / "task.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(job.claim.task)))
    extra = {
        "REFACTORY_TASK_FILE": str(path),
        "REFACTORY_TASK_ID": str(number_of(task.key)),
        "REFACTORY_TASK_KEY": task.key,
        "REFACTORY_TASK_TITLE": task.title,
        "REFACTORY_ATTEMPT": str(task.attempts),
    }
    return clean_environment(extra, pass_env=[*_KEYS, *job.claim.config.coder.pass_env])


def _judge(job: Job, finished: Finished) -> None:
    limit = job.claim.config.coder.seconds
    if finished.timed_out:
        raise AttemptFailed(f"the coder's command was ended after {limit:g} s\n{finished.tail()}")
    if finished.exit_code and not job.worktree.snapshot().changed:
        raise AttemptFailed(
            f"the coder's command changed nothing, exit code {finished.exit_code}\n{finished.tail()}"
        )
