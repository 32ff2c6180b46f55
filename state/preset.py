"""How a command line agent is run with nobody at it: a small file for each. See docs/agents.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

ATTEMPT_SECONDS = 1800.0  # where neither the configuration nor a preset says more


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class Pick(Part, frozen=True, kw_only=True):
    """What is wanted of the events that have `where`. `a.b` is a key in a key, `*` each item of a list."""

    where: dict[str, str | int | bool] = {}
    take: list[str]


class Events(Part, frozen=True, kw_only=True):
    """Where in an agent's JSON lines to find what. Numbers are summed, of messages the last one counts."""

    message: list[Pick] = []
    error: list[Pick] = []
    model: list[Pick] = []
    requests: list[Pick] = []
    input_tokens: list[Pick] = []
    output_tokens: list[Pick] = []


class Preset(Part, frozen=True, kw_only=True):
    """`arguments` are for `backend: command`, `acp` for `backend: acp`; null: it can't do that."""

    about: str = ""
    program: str
    arguments: list[str] | None = None
    acp: list[str] | None = None
    model: list[str] = []
    walls: list[str] = []
    no_walls: list[str] = []
    env: dict[str, str] = {}
    pass_env: list[str] = []
    home: list[str] = []
    home_writable: list[str] = []
    events: Events = Events()
    errors: list[str] = []
    leaves: list[str] = []
    ignores: list[str] = []
    memory_mb: Annotated[int, Meta(ge=16, le=2**24)] = 512
    seconds: Annotated[float, Meta(gt=0, le=7 * 86400)] = ATTEMPT_SECONDS
    install: str = ""
    login: str = ""

    def misfits(self) -> Iterator[tuple[list[str | int], str]]:
        """What no type can say: where in it something can't be right, and why."""
        for number, expression in enumerate(self.errors):
            try:
                re.compile(expression)
            except (re.error, RecursionError, OverflowError) as error:
                yield ["errors", number], f"is no regular expression: {error}"
        for number, pattern in enumerate(self.leaves):
            if not pattern.strip("/") or pattern.startswith("/") or ".." in pattern.split("/"):
                yield ["leaves", number], "is no glob of paths in the worktree"
