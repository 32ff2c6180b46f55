"""One run of one test command, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.git.repository import Repository
from agents.processes.environment import clean_environment
from agents.sandbox import for_tests, named_in
from agents.sandbox.run import Finished, Limits, run
from agents.test_runs import junit, runners
from agents.test_runs.command import detect
from agents.test_runs.counts import Counts
from agents.test_runs.installed import installed
from agents.worktrees.file_tree import remove
from agents.worktrees.workspace import Workspace
from agents.worktrees.worktree import Worktree
from state.config import Sandbox, Test


@dataclass(frozen=True)
class Base:
    """What a failure is compared with: a commit, and the branch it is on.

    `whole`: a command that fails there excuses itself as a whole, where its tests have no names. `owner`: nobody
    else takes this for granted, as what made it red may be mended outside the tree.
    """

    commit: str
    branch: str
    owner: str
    whole: bool = True


@dataclass(frozen=True)
class Check:
    """What to test, and what is needed for it."""

    workspace: Workspace
    commit: str
    acceptance: Sequence[str]
    config: Test
    logs: Path
    tester: str
    keep_running: Callable[[], bool] = lambda: True
    base: Base | None = None
    walls: Sandbox = field(default_factory=Sandbox)


@dataclass(frozen=True)
class Ran:
    """`counts` are None where neither a report nor the output has any: the exit code must do."""

    command: str
    finished: Finished
    counts: Counts | None

    @property
    def why_red(self) -> str:
        """Empty if it is green: it ended by itself, with exit code 0, tests ran, and none of them failed."""
        if self.finished.stopped:
            return f"ended by Refactory: over its limit ({self.finished.stopped})"
        if self.finished.exit_code:
            return f"exit code {self.finished.exit_code}"
        if self.counts is None or self.counts.succeeded:
            return ""
        none = "no test passed" if not (self.counts.bad or self.counts.unreadable) else ""
        return f"exit code 0, but {none or 'not all is green'}: {self.counts}" + _unreadable(self.counts)

    @property
    def failed(self) -> list[str]:
        """What failed: its tests' names, or the command."""
        names = self.counts.names if self.counts else None
        return sorted(names) if names else [self.command]


def _unreadable(counts: Counts) -> str:
    return f"; unreadable reports: {', '.join(counts.unreadable)}" if counts.unreadable else ""


def whole_command(git: Repository, commit: str, config: Test) -> str | None:
    return config.command or detect(lambda path: git.blob(commit, path), git.files(commit))


def run_test(check: Check, worktree: Worktree, command: str, log: Path) -> Ran:
    report = _place_of_report(log)
    with installed(worktree, check.config) as readable:
        finished = run(
            command,
            cwd=worktree.path,
            env=clean_environment(
                {"REFACTORY_JUNIT": str(report), "CI": "true"}, pass_env=check.config.pass_env
            ),
            log=log,
            limits=Limits.of(check.walls, check.config.seconds, memory_mb=check.walls.memory_mb),
            keep_running=check.keep_running,
            sandbox=for_tests(
                worktree, check.walls, [*named_in(check.config.command), *readable], [report.parent]
            ),
        )
    counts = junit.read(worktree.path / check.config.junit if check.config.junit else report)
    return Ran(command, finished, counts or _printed(finished))


def _place_of_report(log: Path) -> Path:
    """In a folder of its own: it can be written by the tests, and what else is in the logs must not be seen."""
    folder = log.with_suffix(".reports")
    remove(folder)
    folder.mkdir(parents=True)
    return folder / "junit.xml"


def _printed(finished: Finished) -> Counts | None:
    return runners.read(finished.output_path.read_text(encoding="utf-8", errors="replace"))
