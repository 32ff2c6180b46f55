"""What an agent is handed, and what it may say of it: the same over the local store and over HTTP."""

from __future__ import annotations

from typing import Literal, Protocol

from state.config import Config
from state.records import Diffstat, Orchestration, Part, SandboxKind, Task, Tests, Usage

Role = Literal["coder", "tester"]


class Parent(Part, frozen=True, kw_only=True):
    """A finished task that this one starts from."""

    task: str
    branch: str
    commit: str


class Claim(Part, frozen=True, kw_only=True):
    """A task, ours until the lease ends. `token` is the fencing token that every report must carry."""

    task: Task
    orchestration: Orchestration
    design: str
    token: int
    lease_seconds: float
    parents: list[Parent] = []
    tokens_left: int | None = None
    config: Config


class Report(Part, frozen=True, kw_only=True):
    """A coder's attempt: a commit, or the reason why there is none (`final`: trying again is no use)."""

    commit: str | None = None
    base: str | None = None
    branch: str | None = None
    pr_url: str | None = None
    backend: str = ""
    preset: str | None = None
    message: str = ""
    diffstat: Diffstat | None = None
    usage: Usage | None = None
    failure: str = ""
    final: bool = False
    ignored: list[str] = []
    tolerances: list[str] = []
    sandbox: SandboxKind | None = None


class Ledger(Protocol):
    """The operations that agents need. One implementation calls the store, one the API."""

    def claim(self, agent: str, role: Role) -> Claim | None: ...

    def renew(self, claim: Claim) -> None: ...

    def report(self, agent: str, claim: Claim, report: Report) -> Task: ...

    def report_tests(self, claim: Claim, commit: str, tests: Tests) -> Task: ...

    def rework(self, task: str, onto: str, reason: str) -> Task: ...

    def reserve(self, claim: Claim, used: Usage, wanted: Usage) -> bool: ...

    def release(self, claim: Claim, usage: Usage | None = None) -> None: ...
