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
    """What the event's keys must be"""
    take: list[str]
    """The keys to take; the first that is there is used"""


class Events(Part, frozen=True, kw_only=True):
    """Where in an agent's JSON lines to find what. Numbers are summed, of messages the last one counts."""

    message: list[Pick] = []
    """What it says; the last one is quoted"""
    error: list[Pick] = []
    """Errors; the last one is quoted, a refused key is found in any"""
    model: list[Pick] = []
    """The model that answered"""
    requests: list[Pick] = []
    """How many requests it made; without it each event with tokens is one"""
    input_tokens: list[Pick] = []
    """Numbers, summed"""
    output_tokens: list[Pick] = []
    """Numbers, summed"""


class Preset(Part, frozen=True, kw_only=True):
    """`arguments` are for `backend: command`, `acp` for `backend: acp`; null: it can't do that."""

    about: str = ""
    """What it is, in a line"""
    program: str
    """The program, looked for in PATH"""
    arguments: list[str] | None = None
    """`command`: its arguments; null: it is not run that way"""
    acp: list[str] | None = None
    """`acp`: the arguments with which it speaks the protocol; null: it does not"""
    model: list[str] = []
    """Part of `{options}` if `coder.model` is set, which is `{model}` here"""
    walls: list[str] = []
    """Part of `{options}` in the sandbox, such as what turns its own off"""
    no_walls: list[str] = []
    """Part of `{options}` without a sandbox"""
    env: dict[str, str] = {}
    """Environment variables, with their values"""
    pass_env: list[str] = []
    """Environment variables to pass on"""
    home: list[str] = []
    """Paths in the home that it may read"""
    home_writable: list[str] = []
    """Paths in the home that it may write, such as a login that it renews; what it writes there, it may
    poison for you"""
    events: Events = Events()
    """Where in its JSON lines to find what: below"""
    errors: list[str] = []
    """Regular expressions: what is an error in a line that is no JSON"""
    leaves: list[str] = []
    """Globs of what its tooling leaves in the worktree"""
    ignores: list[str] = []
    """Lines that its tooling adds to `.gitignore`"""
    memory_mb: Annotated[int, Meta(ge=16, le=2**24)] = 512
    """What a run of it needs"""
    seconds: Annotated[float, Meta(gt=0, le=7 * 86400)] = ATTEMPT_SECONDS
    """Its time limit, where `coder.seconds` says none"""
    install: str = ""
    """Said where the program is missing"""
    login: str = ""
    """Said where its key is refused"""

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
