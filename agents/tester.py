"""Judges a commit: runs its acceptance commands and the test command, and believes only what it saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from agents.git.repository import Repository
from agents.sandbox import kind_of
from agents.tasks.work import Claim
from agents.test_runs.base_failures import excused
from agents.test_runs.counts import Counts
from agents.test_runs.run import Base, Check, Ran, run_test, whole_command
from agents.worktrees.workspace import Workspace
from state.config import Test
from state.records import Tests

_OUTPUT = 6000  # characters of a failing command's end that a coder gets to read
_NAMED = 50  # failed tests that a record names


@dataclass
class _Seen:
    """What a run of all commands has shown so far."""

    commands: list[str]
    counts: list[Counts] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)


def check_task(claim: Claim, workspace: Workspace, tester: str, keep_running: Callable[[], bool]) -> Tests:
    """The task's commit, in a clean worktree; what fails on the orchestration's base already is not its fault."""
    task, started = claim.task, claim.orchestration
    workspace.bring(task.commit or "", task.branch)
    logs = workspace.logs(task.key, task.attempts)
    base = Base(started.base, started.target_branch, started.key)
    return check_commit(
        Check(
            workspace,
            commit=task.commit or "",
            acceptance=task.acceptance,
            config=claim.config.test,
            logs=logs,
            tester=tester,
            keep_running=keep_running,
            base=base,
            walls=claim.config.walls,
        )
    )


def check_commit(check: Check) -> Tests:
    """Run everything; a failure is repeated once on a clean checkout before it is believed.

    What failed in only one of the two runs is recorded as flaky.
    """
    first = check_once(check)
    if first.verdict == "passed" or not first.commands or not check.keep_running():
        return first
    second = check_once(check)
    return second if not check.keep_running() else repeated(first, second)


def repeated(first: Tests, second: Tests) -> Tests:
    """The second run is the one that counts."""
    return replace(second, flaky=sorted(set(first.failures) ^ set(second.failures))[:_NAMED])


def commands_for(git: Repository, commit: str, config: Test, acceptance: Sequence[str]) -> list[str]:
    """The acceptance commands, then the configured test command or the one the repository's files call for."""
    whole = whole_command(git, commit, config)
    return [*acceptance, *([whole] if whole else [])]


def check_once(check: Check) -> Tests:
    """Acceptance must hold, whatever the base does; of the whole repository only what the change broke counts."""
    seen = _Seen(commands_for(check.workspace.repository, check.commit, check.config, check.acceptance))
    if not seen.commands:
        return _untested(check)
    with check.workspace.pool.checkout(check.commit) as worktree:
        for number, command in enumerate(seen.commands, 1):
            ran = run_test(check, worktree, command, check.logs / f"test-{number}.log")
            seen.counts += [ran.counts] if ran.counts else []
            if not ran.why_red:
                continue
            seen.excused = excused(check, ran) if number > len(check.acceptance) else []
            if not seen.excused:
                return _tests(check, "failed", seen, _told(ran), ran.failed)
    return _tests(check, "passed", seen, "")


def _told(ran: Ran) -> str:
    failures = ran.counts.failures[:5] if ran.counts else ()
    details = "".join(f"{failure.name}: {failure.message}".rstrip(": ") + "\n" for failure in failures)
    return f"$ {ran.command}\n{ran.why_red}\n{details}{ran.finished.tail(_OUTPUT)}"


def _untested(check: Check) -> Tests:
    if not check.config.required:
        said = "no test ran: the configuration does not require one"
        return _tests(check, "passed", _Seen([]), said)
    hint = "give the task acceptance commands, set test.command, or test.required: false in .refactory/config.yaml"
    return _tests(check, "failed", _Seen([]), f"no test command is configured or found: {hint}")


def _tests(
    check: Check, verdict: Literal["passed", "failed"], seen: _Seen, output: str, failures: Sequence[str] = ()
) -> Tests:
    total = sum(seen.counts, Counts())
    return Tests(
        verdict=verdict,
        tester=check.tester,
        commands=seen.commands,
        passed=total.passed if seen.counts else None,
        failed=total.bad if seen.counts else None,
        skipped=total.skipped if seen.counts else None,
        failures=list(failures[:_NAMED]),
        base_failures=seen.excused[:_NAMED],
        output=output,
        sandbox=kind_of(check.walls) if seen.commands else None,
    )
