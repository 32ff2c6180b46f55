"""Test verdicts of combinations, remembered by tree: the same content is never tested twice."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec

from agents.reconcile.combination import Combination
from agents.test_runs.base_failures import base_verdict
from agents.test_runs.run import Base, Check
from agents.tester import check_once, commands_for, repeated
from agents.worktrees.workspace import Workspace
from state.config import Config
from state.private_files import write_private
from state.records import Plan, Tests


class Verdicts:
    """`runs` counts the test runs that were really made; at most `at_once` at the same time."""

    def __init__(self, workspace: Workspace, config: Config, plan: Plan, at_once: int = 1) -> None:
        self._workspace = workspace
        self._config = config.test
        self._walls = config.walls
        self._plan = plan
        self._at_once = at_once
        self._of_this_run: dict[str, Tests] = {}
        self._counting = threading.Lock()
        self.runs = 0

    def of(self, combination: Combination) -> Tests:
        """All of it together must pass what each of its tasks must pass, and the repository's tests."""
        name = self._name(combination)
        return self._known(name) or self._tested(name, combination)

    def of_both(self, one: Combination, other: Combination) -> tuple[Tests, Tests]:
        """At the same time."""
        if self._name(one) == self._name(other):
            return self.of(one), self.of(one)
        first, second = self._at_the_same_time(partial(self.of, one), partial(self.of, other))
        return first, second

    def again(self, red: Combination, meanwhile: Combination) -> Tests:
        """A failure is repeated once before it is believed; `meanwhile` is wanted, should it be red again."""
        name = self._name(red)
        if not self._of_this_run[name].commands:
            return self._of_this_run[name]  # nothing ran, and nothing will
        if self._at_once == 1:
            return self._tested(name, red)
        second, _ = self._at_the_same_time(partial(self._tested, name, red), partial(self.of, meanwhile))
        return second

    def are_of_tests(self, onto: str) -> bool:
        """Whether there is any command that could fail."""
        return bool(commands_for(self._workspace.repository, onto, self._config, ()))

    def _at_the_same_time(self, *asked: partial[Tests]) -> Sequence[Tests]:
        with ThreadPoolExecutor(self._at_once) as pool:
            return [future.result() for future in [pool.submit(one) for one in asked]]

    def _tested(self, name: str, combination: Combination) -> Tests:
        check = self._check(combination)
        base = check.base if not combination.steps else None
        tests = (base_verdict(check, base) if base else None) or check_once(check)
        if base is None and _on_base(check).exists():
            with self._counting:
                self.runs += 1
        before = self._of_this_run.get(name)
        tests = repeated(before, tests) if before else tests
        if tests.verdict == "passed" and not tests.base_failures:
            write_private(self._path(name), msgspec.json.encode(tests).decode())
        # Red is only for this run: what made it so may be mended outside the tree, a missing tool, a time limit.
        self._of_this_run[name] = tests
        return tests

    def _check(self, combination: Combination) -> Check:
        with self._counting:
            self.runs += 1
            logs = self._workspace.logs(self._plan.key, self.runs)
        base = Base(combination.onto, "", self._plan.key, whole=False)
        accepted = _acceptance(combination)
        check = Check(
            self._workspace, combination.head, accepted, self._config, logs, "reconciler",
            base=base, walls=self._walls,
        )  # fmt: skip
        _on_base(check).unlink(missing_ok=True)
        return check

    def _known(self, name: str) -> Tests | None:
        if name in self._of_this_run:
            return self._of_this_run[name]
        try:
            return msgspec.json.decode(self._path(name).read_bytes(), type=Tests)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def _path(self, name: str) -> Path:
        return self._workspace.private / "verdicts" / f"{name}.json"

    def _name(self, combination: Combination) -> str:
        git = self._workspace.repository
        commands = commands_for(git, combination.head, self._config, _acceptance(combination))
        said = "\0".join([git.tree(combination.head), *commands, str(self._config.required)])
        return hashlib.sha256(said.encode()).hexdigest()[:40]


def _on_base(check: Check) -> Path:
    """The log of a run that was made on the base alone, to compare with."""
    return check.logs / "base.log"


def _acceptance(combination: Combination) -> list[str]:
    return list(dict.fromkeys(line for step in combination.steps for line in step.task.acceptance))
