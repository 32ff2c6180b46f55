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
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")  # the mildest first
EjectReason = Literal["conflict", "red", "dependency", "unfinished", "empty"]
SentBackFor = Literal["conflict", "red", "dependency", "review", "rework"]
SandboxKind = Literal["bwrap", "none"]
Strategy = Literal["round-robin", "least-loaded"]
Way = Literal["merge", "push", "pull-request", "command"]
CiState = Literal["passed", "failed", "pending", "none"]
Headcount = Annotated[int, msgspec.Meta(ge=1, le=64)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Common to all records. `key` is the file's name; references to other records are whole keys.

    A kind whose files come to mean something else has a `version` of its own: see migrations.py.
    """

    folder: ClassVar[str]

    key: str
    """The record's name, and its file's: the number that people type, and a suffix"""
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    """The format's version"""
    created: str = ""
    """When it was made, in UTC"""


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A structure inside a record."""


class Usage(Part, frozen=True, kw_only=True):
    model: str = ""
    """Its name"""
    requests: Count = 0
    """How often it was asked"""
    input_tokens: Count = 0
    """As the server counted them"""
    output_tokens: Count = 0
    """As the server counted them"""

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
    """What is wanted, in one line"""
    description: str = ""
    """The details; may hold a task list"""
    issue: str | None = None
    """URL of the issue that it was imported from"""
    state: RequestState = "open"
    """See [the states](how-it-works.md#states)"""
    reason: str = ""
    """Why it was cancelled"""


class Plan(Record, frozen=True, kw_only=True):
    folder: ClassVar[str] = "plans"
    request: str
    """Key of the request it is for"""
    planner: str = "template"
    """Who made it: `template` or `model`"""
    state: PlanState = "draft"
    """See [the states](how-it-works.md#states)"""
    design: str = ""
    """What all coders should know of the whole"""
    warnings: list[str] = []
    """What the planner found odd, such as overlapping scopes"""
    tasks: list[str] = []
    """Keys of its tasks, in order"""
    usage: Usage | None = None
    """What its planner asked of a model"""


class Task(Record, frozen=True, kw_only=True):
    """`base` is the commit its branch starts from, `commit` the coder's last result on it."""

    folder: ClassVar[str] = "tasks"
    plan: str
    """Key of its plan"""
    title: str
    """One line; the subject of its commit"""
    detail: str = ""
    """All that its coder needs to know"""
    scope: list[str] = []
    """Globs of the files that it may change; empty: any"""
    depends_on: list[str] = []
    """Keys of tasks that must be completed first; it starts from their merge"""
    after: list[str] = []
    """Keys of tasks that it only follows, such as those with an overlapping scope: it waits while they may
    still finish, and starts from those that are completed; one that fails holds nobody"""
    acceptance: list[str] = []
    """Shell commands that must succeed when it is done"""
    state: TaskState = "pending"
    """See [the states](how-it-works.md#states)"""
    orchestration: str | None = None
    """Key of the orchestration that assigned it"""
    agent: str | None = None
    """The coder that it is assigned to"""
    attempts: int = 0
    """Attempts begun so far"""
    base: str | None = None
    """The commit that its branch starts from; null: the orchestration's"""
    built_on: list[str] = []
    """Keys of the tasks whose results its latest attempt started from"""
    branch: str | None = None
    """The branch with its result"""
    commit: str | None = None
    """The coder's last result"""
    pr_url: str | None = None
    """Where its pull request is, if it has one"""
    pulls: list[str] = []
    """The keys of its attempts, the oldest first"""
    feedback: str = ""
    """Why it came back to its coder, failed, or is blocked"""


class Diffstat(Part, frozen=True, kw_only=True):
    files: int = 0
    """Files changed"""
    insertions: int = 0
    """Lines added"""
    deletions: int = 0
    """Lines removed"""


class Tests(Part, frozen=True, kw_only=True):
    """What a tester saw. `passed` is None when no command gave counts, in a JUnit report or in its output.

    `flaky` failed in only one of two runs of the same commit; `base_failures` fail without the change, too.
    """

    verdict: Literal["passed", "failed"]
    """Failed also where no test ran though one is required"""
    tester: str = ""
    """Who ran them"""
    commands: list[str] = []
    """What was run, in order"""
    passed: int | None = None
    """How many passed; null: nobody counted, neither in a JUnit report nor in the output, so exit codes
    decided"""
    failed: int | None = None
    """How many failed"""
    skipped: int | None = None
    """How many were skipped"""
    failures: list[str] = []
    """The tests that failed, or the command where they have no names"""
    flaky: list[str] = []
    """What failed in only one of two runs of the same commit"""
    base_failures: list[str] = []
    """What fails without the change, too, and so was not counted against it"""
    output: str = ""
    """The end of what the failing command said"""
    sandbox: SandboxKind | None = None
    """What held the tests: `bwrap` walls, or `none`"""


class SentBack(Part, frozen=True, kw_only=True):
    """Why a completed attempt was not taken; `onto` is the commit that the next one starts from."""

    why: SentBackFor
    """Which stage sent it back, and for what"""
    reason: str
    """What its coder is told"""
    onto: str | None = None
    """The commit to start again from; null: the pinned base"""


class Pull(Record, frozen=True, kw_only=True):
    """One attempt at a task: the commit an agent calls complete and what became of it, or its failure."""

    folder: ClassVar[str] = "pulls"
    task: str
    """Key of the task"""
    orchestration: str | None = None
    """Key of the orchestration"""
    agent: str
    """Who made the attempt"""
    attempt: int
    """Its number, from 1"""
    backend: str = ""
    """What did the work: `model`, `command`, `scripted`, or what the agent said"""
    preset: str | None = None
    """The preset by which an agent that others wrote was run"""
    message: str = ""
    """The agent's last message, at most 2,000 characters of it, without secrets"""
    branch: str | None = None
    """The branch with the result"""
    base: str | None = None
    """The commit that the work started from"""
    commit: str | None = None
    """The result"""
    pr_url: str | None = None
    """The pull request's address"""
    diffstat: Diffstat | None = None
    """How large the change is"""
    usage: Usage | None = None
    """What the model was asked and cost"""
    failure: str = ""
    """Why there is no result; then there is no commit"""
    ignored: list[str] = []
    """Paths that the result's own ignore rules left out of it"""
    tolerances: list[str] = []
    """How each hunk of a model's answer was [placed](edits.md#placing-a-hunk), unless exactly"""
    sandbox: SandboxKind | None = None
    """What held the agent: `bwrap` walls, or `none`; null: an agent from outside, which did not say"""
    tests: Tests | None = None
    """What a tester saw of this commit"""
    sent_back: SentBack | None = None
    """Why the result was not taken in the end"""


class Budgets(Part, frozen=True, kw_only=True):
    """Attempts per task; tokens, money (by `model.price`) and minutes per orchestration (null: no bound)."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    """Attempts for each task before it has failed"""
    tokens: Annotated[int, msgspec.Meta(ge=1, le=10**15)] | None = None
    """Tokens of an orchestration, what its plan cost included; shared by its coders and the reviewer. A
    call that could exceed them is not made"""
    money: Annotated[float, msgspec.Meta(gt=0, le=10**9)] | None = None
    """The same in money, by `model.price`; refused without one"""
    minutes: Annotated[float, msgspec.Meta(gt=0, le=525_600)] | None = None
    """Wall clock of an orchestration from its start, pauses included; coders and testers at work then are
    ended. What is completed can still be combined, reviewed and launched: `test.seconds` bounds each test of
    the combination"""


class Assignment(Part, frozen=True, kw_only=True):
    task: str
    """Key of the task"""
    agent: str
    """The coder's name"""


class Resolved(Part, frozen=True, kw_only=True):
    """A file that git could not merge, who did, and the lines of a side that are not in it any more."""

    file: str
    """Its path"""
    by: list[str]
    """The resolvers that had a part in it"""
    lost: list[str] = []
    """Lines that a side added, or both kept, and that are not there any more; each is a finding of the
    review"""


class Landed(Part, frozen=True, kw_only=True):
    """One task's merge commit on the combined branch. `resolved` is empty where git's own merge was enough."""

    task: str
    """Key of the task"""
    commit: str
    """Its merge commit on the combined branch"""
    reworked: bool = False
    """Its coder did it again on top of what had landed"""
    resolved: list[Resolved] = []
    """Files that git alone could not merge"""


class Ejected(Part, frozen=True, kw_only=True):
    """A task that is not on the combined branch, and why: `ref` is its branch, `against` what it clashes with."""

    task: str
    """Key of the task"""
    reason: EjectReason
    """`conflict`: it does not merge; `red`: with it the tests fail; `dependency`: something it builds on
    is out; `unfinished`: it is not completed; `empty`: it changes nothing any more"""
    detail: str = ""
    """The same in words"""
    files: list[str] = []
    """The files in conflict"""
    ref: str | None = None
    """Where its work is kept"""
    against: list[str] = []
    """`conflict`: the branches of the landed tasks that changed the same files, else the target's commit;
    `red`: those it fails together with"""


class Outcome(Part, frozen=True, kw_only=True):
    """The combination: `onto` is the target's head it was made and tested on, `commit` its result."""

    state: Literal["complete", "partial", "failed"]
    """`partial`: some tasks are left out"""
    branch: str
    """The combined branch"""
    onto: str
    """The target's head that it was made on and tested with"""
    commit: str
    """Its head"""
    landed: list[Landed] = []
    """Tasks that are in it, in the order of their merges"""
    ejected: list[Ejected] = []
    """Tasks that are not, and why"""
    test_runs: int = 0
    """How often tests were run to find out"""
    tests: Tests | None = None
    """The test run of the result"""


class Orchestration(Record, frozen=True, kw_only=True):
    folder: ClassVar[str] = "orchestrations"
    plan: str
    """Key of the plan"""
    target_branch: str
    """Where the result is to land"""
    base: str
    """The target's commit when the tasks were assigned; all work starts from it"""
    remote: str | None = None
    """The git remote through which agents elsewhere share code"""
    strategy: Strategy = "round-robin"
    """How tasks were shared out"""
    agents: list[str] = []
    """Names of its coders"""
    testers: Headcount = 2
    """How many testers a run starts"""
    budgets: Budgets = Budgets()
    """What the work may cost"""
    assignments: list[Assignment] = []
    """Which task went to which coder at first"""
    outcome: Outcome | None = None
    """The latest combination"""
    reconciler_usage: Usage | None = None
    """What the reconciler asked of models to merge conflicts"""


class Finding(Part, frozen=True, kw_only=True):
    rule: str
    """Its name, such as `scope` or `secret`"""
    severity: Severity
    """What rejects is set by `reviewer.blocking`"""
    message: str
    """What is wrong"""
    file: str | None = None
    """Where"""
    line: int | None = None
    """Where in the new file"""
    task: str | None = None
    """Key of the task whose change it is in"""
    suggested_task: str | None = None
    """The title of a task that would mend it"""


class Review(Record, frozen=True, kw_only=True):
    folder: ClassVar[str] = "reviews"
    plan: str
    """Key of the plan"""
    orchestration: str
    """Key of the orchestration"""
    commit: str
    """The combination that was reviewed"""
    reviewers: list[str] = []
    """`rules`, and the model that was asked"""
    verdict: Literal["approved", "rejected"]
    """Whether it may be launched"""
    findings: list[Finding] = []
    """What was found, also in an approved one"""
    usage: Usage | None = None
    """What its reviewer asked of a model"""


class Landing(Part, frozen=True, kw_only=True):
    """Which commit goes where: `before` is what it was made and tested on, `branches` what will point to it."""

    how: Way
    """Into the local branch, to a remote, by a pull request, or by a command"""
    target_branch: str
    """Where it lands"""
    remote: str | None = None
    """The remote's address, for a push"""
    before: str
    """The target's head that the commit was tested on"""
    commit: str
    """What lands"""
    branches: list[str] = []
    """The branches that point to it afterwards"""
    diffstat: Diffstat | None = None
    """How large the change is"""


class Launch(Record, frozen=True, kw_only=True):
    """`ci` is what was waited for: `none` if the forge knew of no check; `merged` if we merged the pull request."""

    folder: ClassVar[str] = "launches"
    plan: str
    """Key of the plan"""
    orchestration: str
    """Key of the orchestration"""
    review: str | None = None
    """Key of the review that approved it"""
    landing: Landing
    """What landed where"""
    pr_url: str | None = None
    """The pull request of the launch"""
    ci: CiState | None = None
    """What the forge's CI said, if it was waited for; `none`: it knew of no check"""
    merged: bool = False
    """Whether the pull request is merged, as far as was looked"""
    comment_url: str | None = None
    """The comment on the request's issue"""


KINDS: tuple[type[Record], ...] = (Request, Plan, Task, Orchestration, Pull, Review, Launch)
BY_FOLDER = {kind.folder: kind for kind in KINDS}
