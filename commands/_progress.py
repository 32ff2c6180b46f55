"""What a run shows while it works, on stderr: a live tree on a terminal, nothing or plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Literal

from commands._records_text import state_text
from commands._status import Status, clash_text
from commands._text import printable
from commands._tree import by, tree
from state.keys import number_of

if TYPE_CHECKING:
    from rich.live import Live

Mode = Literal["auto", "plain", "none"]


class Progress:
    """`auto`: live on a terminal, silent elsewhere. `plain`: a line for each change of a task's state."""

    def __init__(self, mode: Mode = "auto") -> None:
        self.plain = mode == "plain"
        self._live: Live | None = None
        self._wants_live = mode == "auto" and sys.stderr.isatty()
        self._stage = ""
        self._states: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._told: set[str] = set()
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
                self._since[task.key] = time.monotonic()
                state = state_text(task, status.launch)
                self.say(f"task {number_of(task.key)} {state}{by(task)}: {task.title}")
        for pair in map(clash_text, status.conflicts):
            if pair not in self._told:
                self._told.add(pair)
                self.say(f"tasks that will conflict: {pair}")
        self._draw()

    def _draw(self) -> None:
        if self._live and self._status:
            self._live.update(tree(self._status, self._stage, self._since))
