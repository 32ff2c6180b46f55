"""Test verdicts of the combination, remembered by tree: the same content is never tested twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from agents.base_failures import base_verdict
from agents.combination import Combination
from agents.test_run import Base, Job
from agents.tester import check_commit, commands_for
from agents.workspace import Workspace
from state.config import Sandbox, Test
from state.private_files import write_private
from state.records import Plan, Tests


class Verdicts:
    """`runs` counts the test runs that were really made."""

    def __init__(self, workspace: Workspace, config: Test, plan: Plan, walls: Sandbox) -> None:
        self._workspace = workspace
        self._config = config
        self._plan = plan
        self._walls = walls
        self._of_this_run: dict[str, Tests] = {}
        self.runs = 0

    def of(self, combination: Combination, steps: int) -> Tests:
        """The first `steps` together must pass what each of them must pass, and the repository's tests."""
        done = combination.steps[:steps]
        commit = done[-1].commit if done else combination.onto
        acceptance = list(dict.fromkeys(line for step in done for line in step.task.acceptance))
        name = self._name(commit, acceptance)
        return self._known(name) or self._tested(name, commit, acceptance, combination.onto)

    def are_of_tests(self, onto: str) -> bool:
        """Whether there is any command that could fail."""
        return bool(commands_for(self._workspace.repository, onto, self._config, ()))

    def _tested(self, name: str, commit: str, acceptance: list[str], onto: str) -> Tests:
        self.runs += 1
        logs = self._workspace.logs(self._plan.key, self.runs)
        base = Base(onto, "", self._plan.key, whole=False)
        job = Job(
            self._workspace,
            commit,
            acceptance,
            self._config,
            logs,
            "reconciler",
            base=base,
            walls=self._walls,
        )
        tests = (base_verdict(job, base) if commit == onto else None) or check_commit(job)
        if tests.verdict == "passed" and not tests.base_failures:
            write_private(self._path(name), msgspec.json.encode(tests).decode())
        else:
            # Only for this run: what made it red may be mended outside the tree, a missing tool, a time limit.
            self._of_this_run[name] = tests
        return tests

    def _known(self, name: str) -> Tests | None:
        if name in self._of_this_run:
            return self._of_this_run[name]
        try:
            return msgspec.json.decode(self._path(name).read_bytes(), type=Tests)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def _path(self, name: str) -> Path:
        return self._workspace.private / "verdicts" / f"{name}.json"

    def _name(self, commit: str, acceptance: list[str]) -> str:
        git = self._workspace.repository
        commands = commands_for(git, commit, self._config, acceptance)
        said = "\0".join([git.tree(commit), *commands, str(self._config.required)])
        return hashlib.sha256(said.encode()).hexdigest()[:40]
