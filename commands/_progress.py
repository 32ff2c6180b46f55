"""What a run shows while it works, on stderr: a live tree on a terminal, nothing or plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from commands._text import printable
from commands.plan_status import Status
from state.keys import number_of
from state.records import Task

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

Mode = Literal["auto", "plain", "none"]
STAGES = ("plan", "code", "reconcile", "review", "launch")
_COLORS = {"completed": "green", "merged": "green", "failed": "red", "blocked": "red", "testing": "cyan"}


class Progress:
    """`auto`: live on a terminal, silent elsewhere. `plain`: a line for each change of a task's state."""

    def __init__(self, mode: Mode = "auto") -> None:
        self.plain = mode == "plain"
        self._live: Live | None = None
        self._wants_live = mode == "auto" and sys.stderr.isatty()
        self._stage = ""
        self._states: dict[str, str] = {}
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        if self._wants_live:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def stage(self, name: str) -> None:
        if name != self._stage:
            self._stage = name
            self.say(f"stage: {name}")
        self._draw()

    def say(self, line: str) -> None:
        if self.plain:
            print(printable(line), file=sys.stderr, flush=True)

    def show(self, status: Status) -> None:
        self._status = status
        for task in status.tasks:
            if self._states.get(task.key) != task.state:
                self._states[task.key] = task.state
                self.say(f"task {number_of(task.key)} {task.state}{_by(task)}: {task.title}")
        self._draw()

    def _draw(self) -> None:
        if self._live:
            self._live.update(self._tree())

    def _tree(self) -> RenderableType:
        from rich.text import Text
        from rich.tree import Tree

        tree = Tree(
            Text(printable(self._status.request.title) if self._status else "refactory", style="bold")
        )
        for stage in STAGES:
            branch = tree.add(Text(stage, style="bold cyan" if stage == self._stage else "dim"))
            if stage == "code" and self._status:
                for task in self._status.tasks:
                    line = f"{number_of(task.key):>3} {task.state:<12}{_by(task)} {task.title}"
                    branch.add(Text(printable(line), style=_COLORS.get(task.state, "")))
        return tree


def _by(task: Task) -> str:
    attempt = f", attempt {task.attempts}" if task.attempts > 1 else ""
    return f" ({task.agent}{attempt})" if task.agent else ""
