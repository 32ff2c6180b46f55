"""Runs somebody else's agent on a task: within limits, listened to, judged by what it changed, tidied up after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import msgspec

from agents.edits.tree.paths import in_scope
from agents.foreign.events import Listener, Told
from agents.foreign.left_behind import tidy
from agents.foreign.preset import Values, as_argument, filled, options, program
from agents.model.errors import ModelAuthFailed, ModelQuotaExhausted
from agents.processes.admission import admitted
from agents.processes.environment import clean_environment
from agents.prompts.prompt import task_text
from agents.sandbox import for_agents, kind_of, named_in
from agents.sandbox.run import Finished, Limits, run
from agents.tasks.attempt import AttemptFailed, Job
from state.keys import number_of
from state.preset import Preset
from state.records import Usage
from state.secrets import redacted

_OUTPUT = 64 * 2**20  # bytes: event streams hold all that the agent has read
_FILES = 50  # of the scope that are named to an agent which wants to be told
_EVENTS = "events.jsonl"
_WHY = {"processes": "it started too many processes", "memory": "it took too much memory"}


@dataclass(frozen=True)
class Agent:
    """An agent for one attempt. `name` is what people call it."""

    name: str
    preset: Preset
    job: Job

    def work(
        self, arguments: list[str], before: Sequence[str] = (), readable: Sequence[Path] = ()
    ) -> Usage | None:
        """Run it with these arguments, itself as an argument of `before` if that is not empty."""
        folder = self._folder()
        listener = Listener(self.preset, self._log)
        argv = [*before, self._program(), *filled(arguments, self._values(folder))]
        told_otherwise = before or any("{task" in argument for argument in arguments)
        with admitted(self.preset.memory_mb, self.job.keep_running):
            finished = self._run(
                argv, folder, listener, "" if told_otherwise else task_text(self.job.claim), readable
            )
        told = self._without_secrets(listener.finish(folder / _EVENTS))
        self.job.messages.append(told.message)
        if told.usage:
            self.job.meter.add(told.usage)
        tidy(self.job.worktree, self.preset, self.job.claim.task.scope)
        self._judge(finished, told)
        return self.job.meter.usage

    @property
    def _log(self) -> Path:
        return self.job.logs / "coder.log"

    def _folder(self) -> Path:
        """What it is given and may leave, beside its log."""
        folder = self.job.logs / "agent"
        folder.mkdir(exist_ok=True)
        (folder / "task.md").write_text(task_text(self.job.claim), encoding="utf-8")
        (folder / "task.json").write_bytes(msgspec.json.format(msgspec.json.encode(self.job.claim.task)))
        return folder

    def _program(self) -> str:
        """With its path: a login shell, or a sandbox, may search elsewhere."""
        return str(Path(program(self.name, self.preset, self.job.worktree.path)).absolute())

    def _values(self, folder: Path) -> Values:
        coder, task = self.job.claim.config.coder, self.job.claim.task
        scope = [
            path
            for path in self.job.worktree.git.files(self.job.worktree.commit)
            if in_scope(path, task.scope)
        ]
        return {
            "command": coder.command or "",
            "task": as_argument(task_text(self.job.claim), folder / "task.md"),
            "taskFile": str(folder / "task.md"),
            "eventsFile": str(folder / _EVENTS),
            "options": options(self.preset, coder, kind_of(self.job.claim.config.walls) != "none"),
            "files": scope[:_FILES] if task.scope else [],
        }

    def _run(
        self, argv: list[str], folder: Path, listener: Listener, stdin: str, readable: Sequence[Path]
    ) -> Finished:
        coder, walls, worktree = self.job.claim.config.coder, self.job.claim.config.walls, self.job.worktree

        def wanted() -> bool:
            listener.look()
            return self.job.keep_running() and not _hopeless(listener.told)

        return run(
            argv,
            cwd=worktree.path,
            env=self._environment(folder, Path(argv[0])),
            log=self._log,
            limits=replace(Limits.of(walls, self._seconds), output_bytes=_OUTPUT),
            stdin=stdin.encode(),
            keep_running=wanted,
            sandbox=for_agents(
                worktree,
                walls,
                readable=[*readable, *_packages(argv), *named_in(coder.command)],
                writable=[folder],
                home=self.preset.home,
                home_writable=self.preset.home_writable,
            ),
        )

    @property
    def _seconds(self) -> float:
        return self.job.claim.config.coder.seconds or self.preset.seconds

    def _environment(self, folder: Path, program: Path) -> dict[str, str]:
        coder, task = self.job.claim.config.coder, self.job.claim.task
        extra = {
            "REFACTORY_TASK_FILE": str(folder / "task.json"),
            "REFACTORY_TASK_ID": str(number_of(task.key)),
            "REFACTORY_TASK_KEY": task.key,
            "REFACTORY_TASK_TITLE": task.title,
            "REFACTORY_ATTEMPT": str(task.attempts),
        }
        passed = [*self.preset.pass_env, *coder.pass_env]
        return clean_environment({**extra, **self.preset.env, **coder.env}, pass_env=passed)

    def _without_secrets(self, told: Told) -> Told:
        """It was given keys, and may say them; what it says is recorded."""
        coder = self.job.claim.config.coder
        names = (*self.preset.pass_env, *coder.pass_env)
        keys = [*(os.environ.get(name, "") for name in names), *coder.env.values()]

        def clean(text: str) -> str:
            return reduce(redacted, keys, redacted(text))

        return replace(told, message=clean(told.message), errors=[*map(clean, told.errors)])

    def _judge(self, finished: Finished, told: Told) -> None:
        """The exit code alone says nothing: what changed in the worktree is the result, and tests judge it."""
        changed = not _hopeless(told) and bool(self.job.worktree.snapshot().changed)
        if not changed:
            self._raise_cause(told)
        if finished.timed_out:
            raise AttemptFailed(f"{self.name} was ended after {self._seconds:g} s\n{_said(finished, told)}")
        if finished.stopped in _WHY:
            raise AttemptFailed(f"{self.name} was ended: {_WHY[finished.stopped]}\n{_said(finished, told)}")
        if not changed:
            code = f", exit code {finished.exit_code}" if finished.exit_code else ""
            raise AttemptFailed(f"{self.name} changed nothing{code}\n{_said(finished, told)}")

    def _raise_cause(self, told: Told) -> None:
        """What no other task would fare better with ends the agents, instead of failing one task after the other."""
        if told.not_let_in:
            raise ModelAuthFailed(
                f"{self.name} is not let in by its model: {told.not_let_in[-1]}", self.preset.login
            )
        if told.not_paid:
            raise ModelQuotaExhausted(f"{self.name} gets no answers any more: {told.not_paid[-1]}")


def _hopeless(told: Told) -> bool:
    """The first time may be a token that is renewed then."""
    return len(told.not_let_in) > 1 or len(told.not_paid) > 1


def _said(finished: Finished, told: Told) -> str:
    """Its own words, the likeliest reason first."""
    return (told.errors[-1:] or [told.message or finished.tail()])[0].strip()


def _packages(argv: Sequence[str]) -> list[Path]:
    """npm's programs are links into packages that need their neighbours."""
    found = []
    for parts in (Path(argument).resolve().parts for argument in argv if argument.startswith("/")):
        if "node_modules" in parts:
            found.append(Path(*parts[: parts.index("node_modules") + 1]))
    return found
