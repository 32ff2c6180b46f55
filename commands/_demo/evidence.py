"""What the demo left, as its records and its origin show it: all that it says afterwards comes from here."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from agents.git.repository import Repository
from agents.processes.environment import clean_environment
from agents.sandbox import Access
from agents.sandbox.run import Limits, run
from agents.tester import commands_for
from commands._demo.site import TARGET, Site
from commands._status import Status
from state.config import Config, Test
from state.keys import number_of
from state.records import Outcome, Pull, SentBack
from state.store import Store

_PLACE = re.compile(r'File "[^"]*?((?:tests/)?[\w.-]+\.py)", line (\d+), in test')
_ERROR = re.compile(r"^[A-Za-z_.]*(?:Error|Exception|Failure)\b.*", re.MULTILINE)
_RAN = re.compile(r"^Ran (\d+) tests?", re.MULTILINE)


class Red(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A red combination: the attempt that turned it red, what it stood on, and the test that failed."""

    culprit: Pull
    sent_back: SentBack
    together_with: list[str]
    failing: str
    mended: Pull | None


class MainTests(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The tests of origin's main, run at the end on a checkout of their own."""

    exit_code: int
    ran: int
    command: str


@dataclass(frozen=True)
class Evidence:
    site: Site
    status: Status
    scripted: bool

    @cached_property
    def store(self) -> Store:
        return Store.open(self.site.clone)

    @cached_property
    def pulls(self) -> list[Pull]:
        keys = {task.key for task in self.status.tasks}
        return self.store.all(Pull, lambda pull: pull.task in keys)

    @cached_property
    def base(self) -> str:
        return self.status.orchestration.base if self.status.orchestration else ""

    @property
    def outcome(self) -> Outcome | None:
        return self.status.orchestration.outcome if self.status.orchestration else None

    @cached_property
    def main(self) -> str:
        return self.site.origin.resolve(f"refs/heads/{TARGET}") or ""

    def last(self, task: str) -> Pull | None:
        """The attempt that the task's record calls its result."""
        commit = next(found.commit for found in self.status.tasks if found.key == task)
        return next((pull for pull in self.pulls if pull.task == task and pull.commit == commit), None)

    @cached_property
    def red(self) -> list[Red]:
        """Green alone, red together with others."""
        return [
            self._red(pull, pull.sent_back)
            for pull in self.pulls
            if pull.sent_back and pull.sent_back.why == "red"
        ]

    def _red(self, pull: Pull, sent_back: SentBack) -> Red:
        last = self.last(pull.task)
        return Red(
            culprit=pull,
            sent_back=sent_back,
            together_with=self._landed_in(sent_back.onto or ""),
            failing=failing_line(sent_back.reason),
            mended=last if last and last.attempt > pull.attempt else None,
        )

    def _landed_in(self, commit: str) -> list[str]:
        git = self.site.repository
        found = {pull.task: pull for pull in self.pulls if pull.commit}
        there = [task for task, pull in found.items() if git.is_ancestor(pull.commit or "", commit)]
        return sorted(there, key=number_of)

    @cached_property
    def main_tests(self) -> MainTests:
        git = self.site.origin
        acceptance = [line for task in self.status.tasks for line in task.acceptance]
        command = " && ".join(commands_for(git, self.main, Test(), acceptance)) or "false"
        with tempfile.TemporaryDirectory() as scratch:
            tree, index = Path(scratch, "tree"), Path(scratch, "index")
            tree.mkdir()
            Repository(git.git_dir, tree, index).run("read-tree", "-u", "--reset", self.main)
            finished = run(
                command,
                cwd=tree,
                env=clean_environment(),
                log=Path(scratch, "log"),
                limits=Limits(seconds=60),
                sandbox=Access(tree, None, Config().walls),
            )
            ran = sum(map(int, _RAN.findall(finished.tail())))
        return MainTests(exit_code=finished.exit_code, ran=ran, command=command)

    @cached_property
    def diffstat(self) -> str:
        return self.site.origin.run("diff", "--stat", self.base, self.main)

    @cached_property
    def graph(self) -> str:
        return self.site.origin.run("log", "--graph", "--format=%h %s", self.main)


def failing_line(output: str) -> str:
    """`tests/test_text.py:8: TypeError: ...`, out of what a failing unittest run printed."""
    place, error = _PLACE.search(output), _ERROR.search(output)
    said = [f"{place[1]}:{place[2]}"] if place else []
    said += [error[0]] if error else []
    return ": ".join(said) or next((line for line in reversed(output.splitlines()) if line.strip()), "")
