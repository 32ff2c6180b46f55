"""The records in `.refactory/`. Field order is the order in the file; only durable facts are kept here."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

RequestState = Literal["open", "planned", "in_progress", "done", "failed", "cancelled"]
PlanState = Literal["draft", "approved", "orchestrated", "done", "failed", "cancelled"]
TaskState = Literal[
    "pending",
    "assigned",
    "in_progress",
    "testing",
    "completed",
    "merged",
    "failed",
    "blocked",
    "cancelled",
]
Severity = Literal["error", "warning", "note"]
EjectReason = Literal["conflict", "red", "dependency", "unfinished", "empty"]
SentBackFor = Literal["conflict", "red", "dependency", "review", "rework"]
SandboxKind = Literal["bwrap", "none"]
Way = Literal["merge", "push", "pull-request", "command"]
CiState = Literal["passed", "failed", "pending", "none"]
Headcount = Annotated[int, msgspec.Meta(ge=1, le=64)]


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Common to all records. `key` is the file's name; references to other records are whole keys.

    A kind whose files come to mean something else has a `version` of its own: see migrations.py.
    """

    folder: ClassVar[str]

    key: str
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    created: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A structure inside a record."""


class Usage(Part, frozen=True, kw_only=True):
    model: str = ""
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, more: Usage) -> Usage:
        """The later model's name stays."""
        return Usage(
            model=more.model or self.model,
            requests=self.requests + more.requests,
            input_tokens=self.input_tokens + more.input_tokens,
            output_tokens=self.output_tokens + more.output_tokens,
        )


class Request(Record, frozen=True, kw_only=True):
    """`issue` is the URL of what it was made from."""

    folder: ClassVar[str] = "requests"
    title: str
    description: str = ""
    issue: str | None = None
    state: RequestState = "open"


class Plan(Record, frozen=True, kw_only=True):
    folder: ClassVar[str] = "plans"
    request: str
    planner: str = "template"
    state: PlanState = "draft"
    design: str = ""
    warnings: list[str] = []
    tasks: list[str] = []
    usage: Usage | None = None


class Task(Record, frozen=True, kw_only=True):
    """`base` is the commit its branch starts from, `commit` the coder's last result on it."""

    folder: ClassVar[str] = "tasks"
    plan: str
    title: str
    detail: str = ""
    scope: list[str] = []
    depends_on: list[str] = []
    acceptance: list[str] = []
    state: TaskState = "pending"
    orchestration: str | None = None
    agent: str | None = None
    attempts: int = 0
    base: str | None = None
    branch: str | None = None
    commit: str | None = None
    pr_url: str | None = None
    pulls: list[str] = []
    feedback: str = ""


class Diffstat(Part, frozen=True, kw_only=True):
    files: int = 0
    insertions: int = 0
    deletions: int = 0


class Tests(Part, frozen=True, kw_only=True):
    """What a tester saw. `passed` is None when no command gave counts, in a JUnit report or in its output.

    `flaky` failed in only one of two runs of the same commit; `base_failures` fail without the change, too.
    """

    verdict: Literal["passed", "failed"]
    tester: str = ""
    commands: list[str] = []
    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None
    failures: list[str] = []
    flaky: list[str] = []
    base_failures: list[str] = []
    output: str = ""
    sandbox: SandboxKind | None = None


class SentBack(Part, frozen=True, kw_only=True):
    """Why a completed attempt was not taken; `onto` is the commit that the next one starts from."""

    why: SentBackFor
    reason: str
    onto: str | None = None


class Pull(Record, frozen=True, kw_only=True):
    """One attempt at a task: the commit an agent calls complete and what became of it, or its failure."""

    folder: ClassVar[str] = "pulls"
    task: str
    orchestration: str | None = None
    agent: str
    attempt: int
    backend: str = ""
    branch: str | None = None
    base: str | None = None
    commit: str | None = None
    pr_url: str | None = None
    diffstat: Diffstat | None = None
    usage: Usage | None = None
    failure: str = ""
    ignored: list[str] = []
    tolerances: list[str] = []
    sandbox: SandboxKind | None = None
    tests: Tests | None = None
    sent_back: SentBack | None = None


class Budgets(Part, frozen=True, kw_only=True):
    """Attempts per task; tokens, money (by `model.price`) and minutes per orchestration (null: no bound)."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    tokens: Annotated[int, msgspec.Meta(ge=1, le=10**15)] | None = None
    money: Annotated[float, msgspec.Meta(gt=0, le=10**9)] | None = None
    minutes: Annotated[float, msgspec.Meta(gt=0, le=525_600)] | None = None


class Assignment(Part, frozen=True, kw_only=True):
    task: str
    agent: str


class Resolved(Part, frozen=True, kw_only=True):
    """A file that git could not merge, who did, and the lines of a side that are not in it any more."""

    file: str
    by: list[str]
    lost: list[str] = []


class Landed(Part, frozen=True, kw_only=True):
    """One task's merge commit on the combined branch. `resolved` is empty where git's own merge was enough."""

    task: str
    commit: str
    reworked: bool = False
    resolved: list[Resolved] = []


class Ejected(Part, frozen=True, kw_only=True):
    """A task that is not on the combined branch, and why: `ref` is its branch, `against` what it clashes with."""

    task: str
    reason: EjectReason
    detail: str = ""
    files: list[str] = []
    ref: str | None = None
    against: list[str] = []


class Outcome(Part, frozen=True, kw_only=True):
    """The combination: `onto` is the target's head it was made and tested on, `commit` its result."""

    state: Literal["complete", "partial", "failed"]
    branch: str
    onto: str
    commit: str
    landed: list[Landed] = []
    ejected: list[Ejected] = []
    test_runs: int = 0
    tests: Tests | None = None


class Orchestration(Record, frozen=True, kw_only=True):
    folder: ClassVar[str] = "orchestrations"
    plan: str
    target_branch: str
    base: str
    remote: str | None = None
    strategy: Literal["round-robin", "least-loaded"] = "round-robin"
    agents: list[str] = []
    testers: Headcount = 2
    budgets: Budgets = Budgets()
    assignments: list[Assignment] = []
    outcome: Outcome | None = None
    reconciler_usage: Usage | None = None


class Finding(Part, frozen=True, kw_only=True):
    rule: str
    severity: Severity
    message: str
    file: str | None = None
    line: int | None = None
    task: str | None = None
    suggested_task: str | None = None


class Review(Record, frozen=True, kw_only=True):
    folder: ClassVar[str] = "reviews"
    plan: str
    orchestration: str
    commit: str
    reviewers: list[str] = []
    verdict: Literal["approved", "rejected"]
    findings: list[Finding] = []
    usage: Usage | None = None


class Landing(Part, frozen=True, kw_only=True):
    """Which commit goes where: `before` is what it was made and tested on, `branches` what will point to it."""

    how: Way
    target_branch: str
    remote: str | None = None
    before: str
    commit: str
    branches: list[str] = []
    diffstat: Diffstat | None = None


class Launch(Record, frozen=True, kw_only=True):
    """`ci` is what was waited for: `none` if the forge knew of no check; `merged` if we merged the pull request."""

    folder: ClassVar[str] = "launches"
    plan: str
    orchestration: str
    review: str | None = None
    landing: Landing
    pr_url: str | None = None
    ci: CiState | None = None
    merged: bool = False
    comment_url: str | None = None


KINDS: tuple[type[Record], ...] = (Request, Plan, Task, Orchestration, Pull, Review, Launch)
BY_FOLDER = {kind.folder: kind for kind in KINDS}
