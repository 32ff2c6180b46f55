"""Runs a task's acceptance commands and the repository's test command, and believes only what it saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents import junit
from agents.environment import clean_environment
from agents.git import Repository
from agents.junit import Counts
from agents.processes import Finished, Limits, run
from agents.test_command import detect
from agents.work import Claim
from agents.workspace import Workspace
from agents.worktrees import Worktree
from state.config import Test
from state.records import Tests

_OUTPUT = 6000  # characters of a failing command's end that a coder gets to read


@dataclass(frozen=True)
class Job:
    """What to test, and what is needed for it."""

    workspace: Workspace
    commit: str
    acceptance: Sequence[str]
    config: Test
    logs: Path
    tester: str
    keep_running: Callable[[], bool] = lambda: True


def check_task(claim: Claim, workspace: Workspace, tester: str, keep_running: Callable[[], bool]) -> Tests:
    """The task's commit, in a clean worktree."""
    task = claim.task
    workspace.bring(task.commit or "", task.branch)
    logs = workspace.logs(task.key, task.attempts)
    return check_commit(
        Job(workspace, task.commit or "", task.acceptance, claim.config.test, logs, tester, keep_running)
    )


def check_commit(job: Job) -> Tests:
    """Run everything; a failure is repeated once on a clean checkout before it is believed."""
    first = _run_all(job)
    if first.verdict == "passed" or not first.commands or not job.keep_running():
        return first
    return _run_all(job)


def commands_for(git: Repository, commit: str, config: Test, acceptance: Sequence[str]) -> list[str]:
    """The acceptance commands, then the configured test command or the one the repository's files call for."""
    whole = config.command or detect(lambda path: git.blob(commit, path), git.files(commit))
    return [*acceptance, *([whole] if whole else [])]


def _run_all(job: Job) -> Tests:
    commands = commands_for(job.workspace.repository, job.commit, job.config, job.acceptance)
    if not commands:
        return _untested(job)
    seen: list[Counts] = []
    with job.workspace.pool.checkout(job.commit) as worktree:
        for number, command in enumerate(commands, 1):
            log = job.logs / f"test-{number}.log"
            finished, counts = _run_command(job, worktree, command, log)
            seen += [counts] if counts else []
            reason = _why_red(finished, counts)
            if reason:
                output = f"$ {command}\n{reason}\n{_details(counts)}{finished.tail(_OUTPUT)}"
                return _tests(job, "failed", commands, seen, output)
    return _tests(job, "passed", commands, seen, "")


def _run_command(job: Job, worktree: Worktree, command: str, log: Path) -> tuple[Finished, Counts | None]:
    report = log.with_suffix(".junit.xml")
    report.unlink(missing_ok=True)
    finished = run(
        command,
        cwd=worktree.path,
        env=clean_environment({"REFACTORY_JUNIT": str(report), "CI": "true"}, pass_env=job.config.pass_env),
        log=log,
        limits=Limits(seconds=job.config.seconds),
        keep_running=job.keep_running,
    )
    named = worktree.path / job.config.junit if job.config.junit else report
    return finished, junit.read(named)


def _why_red(finished: Finished, counts: Counts | None) -> str:
    """Empty if it is green: it ended by itself, with exit code 0, and no test that ran failed."""
    if finished.stopped:
        return f"ended by Refactory: over its limit ({finished.stopped})"
    if finished.exit_code:
        return f"exit code {finished.exit_code}"
    if counts and not counts.succeeded:
        return f"{counts.passed} passed, {counts.failed + counts.errors} failed, says its JUnit report"
    return ""


def _details(counts: Counts | None) -> str:
    failures = counts.failures[:5] if counts else ()
    return "".join(f"{failure.name}: {failure.message}\n" for failure in failures)


def _untested(job: Job) -> Tests:
    if not job.config.required:
        return _tests(job, "passed", [], [], "no test ran: the configuration does not require one")
    hint = "give the task acceptance commands, set test.command, or test.required: false in .refactory/config.yaml"
    return _tests(job, "failed", [], [], f"no test command is configured or found: {hint}")


def _tests(
    job: Job, verdict: Literal["passed", "failed"], commands: list[str], seen: list[Counts], output: str
) -> Tests:
    return Tests(
        verdict=verdict,
        tester=job.tester,
        commands=commands,
        passed=sum(counts.passed for counts in seen) if seen else None,
        failed=sum(counts.failed + counts.errors for counts in seen) if seen else None,
        skipped=sum(counts.skipped for counts in seen) if seen else None,
        output=output,
    )
