"""`.refactory/config.yaml`: everything has a default, unknown keys are errors. See docs/configuration.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from state.errors import InvalidFile
from state.preset import Preset
from state.records import Budgets, Headcount

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
    output: Annotated[float, Meta(ge=0)]
    source: Annotated[str, Meta(min_length=1)]


class Model(Section, frozen=True, kw_only=True):
    """An OpenAI-compatible endpoint. `baseUrl` null: OPENAI_BASE_URL, else OpenAI's own.

    `provider` local: a small model that is served here.
    """

    model: str = DEFAULT_MODEL
    provider: Literal["api", "local"] = "api"
    weights: str | None = None
    api: Literal["auto", "responses", "chat", "completions"] = "auto"
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    native_patch: bool | None = None
    stream: bool = False
    timeout: Seconds = 300.0
    retries: Count = 3
    backoff: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    max_output_tokens: Tokens | None = None
    price: Price | None = None
    record: str | None = None
    replay: str | None = None

    def __post_init__(self) -> None:
        """What is served here is not what the default names."""
        if self.provider == "local" and self.model == DEFAULT_MODEL:
            name = Path(self.weights).stem if self.weights else LOCAL_MODEL
            msgspec.structs.force_setattr(self, "model", name)


class Test(Section, frozen=True, kw_only=True):
    """`command` null: detected. `required` false accepts work that no test has seen."""

    command: str | None = None
    junit: str | None = None
    required: bool = True
    seconds: Seconds = 600.0
    pass_env: list[str] = []


class Coder(Section, frozen=True, kw_only=True):
    """`preset` names an agent that is known, or one of `presets`; `model`, `arguments` and `env` are for it."""

    backend: Literal["model", "loop", "command", "acp", "scripted"] = "model"
    format: Literal["auto", "diff", "search_replace", "apply_patch", "whole_file"] = "auto"
    answers: str | None = None
    command: str | None = None
    preset: str | None = None
    model: str | None = None
    arguments: list[str] = []
    env: dict[str, str] = {}
    seconds: Seconds | None = None
    patch_attempts: Count = 3
    context_tokens: Tokens = 60_000
    turns: Annotated[int, Meta(ge=1, le=1000)] = 50
    tokens: Tokens | None = None
    command_seconds: Seconds = 120.0
    max_bytes: Annotated[int, Meta(ge=1, le=2**40)] = MOST_BYTES
    pass_env: list[str] = []


class Planner(Section, frozen=True, kw_only=True):
    backend: Literal["template", "model"] = "template"
    overlaps: Literal["warn", "serialise"] = "warn"
    approval: Literal["automatic", "required"] = "automatic"


ResolverName = Literal["rerere", "union", "zero-context", "semantic", "model", "rework"]


class Reconcile(Section, frozen=True, kw_only=True):
    """What is tried, in this order, where git's own merge reports a conflict. Without `rework` a task stays out."""

    resolvers: tuple[ResolverName, ...] = ("rerere", "union", "zero-context", "semantic", "rework")
    union: tuple[str, ...] = ("CHANGELOG*", "ChangeLog*", "changelog*", "CHANGES*", "HISTORY*", "NEWS*")
    semantic: str | None = None
    keep_days: Annotated[float, Meta(ge=0, le=36500)] = 30.0


class Reviewer(Section, frozen=True, kw_only=True):
    """Rules always run; `model` adds a model's review. Findings of `blocking` severity or worse reject.

    `integrity` is the severity of what makes tests or CI weaker. `model` null: the model that codes.
    """

    backend: Literal["rules", "model"] = "rules"
    blocking: Literal["error", "warning", "note"] = "error"
    integrity: Literal["error", "warning", "note"] = "warning"
    max_file_bytes: Annotated[int, Meta(ge=1, le=2**40)] = 1_000_000
    model: Model | None = None


class Sandbox(Section, frozen=True, kw_only=True):
    """What tests and agents may see and use. `memoryMb` and `processes` are for a command with all it starts."""

    mode: SandboxMode = "auto"
    test_network: bool = False
    agent_network: bool = True
    read_only: list[str] = []
    memory_mb: Annotated[int, Meta(ge=16, le=2**24)] | None = 4096
    processes: Annotated[int, Meta(ge=1, le=10**6)] | None = 512


MergeMethod = Literal["merge", "squash", "rebase"]
ForgeKind = Literal["github", "gitlab", "forgejo", "gitea"]


class Forge(Section, frozen=True, kw_only=True):
    """Where pull requests are opened. What is null is told from the remote's URL."""

    kind: ForgeKind | None = None
    url: Annotated[str, Meta(pattern="^https?://[^/]")] | None = None
    repository: Annotated[str, Meta(min_length=3, pattern="^[^/].*/.*[^/]$")] | None = None
    token_env: Annotated[str, Meta(min_length=1)] | None = None
    labels: list[Annotated[str, Meta(min_length=1)]] = []
    reviewers: list[Annotated[str, Meta(min_length=1)]] = []
    draft: bool = False
    merge_method: MergeMethod = "merge"
    timeout: Seconds = 30.0
    patience: Seconds = 300.0
    backoff: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    ci_seconds: Seconds = 3600.0
    ci_start_seconds: Seconds = 120.0
    ci_poll: Seconds = 10.0


class Launch(Section, frozen=True, kw_only=True):
    """`launch --as command`. Without a rollback, what a failed command has changed stays as it is."""

    command: str | None = None
    health_check: str | None = None
    rollback: str | None = None
    seconds: Seconds = 1800.0
    health_seconds: Seconds = 60.0
    pass_env: list[str] = []


class Server(Section, frozen=True, kw_only=True):
    port: Annotated[int, Meta(ge=0, le=65535)] = 3000


class Config(Section, frozen=True, kw_only=True):
    version: Literal[1] = 1
    agents: Headcount = 2
    testers: Headcount = 2
    target_branch: str | None = None
    remote: str | None = None
    worktrees: str | None = None
    lease_seconds: Annotated[float, Meta(ge=1, le=86400)] = 60.0
    durability: Literal["full", "fast"] = "full"
    strategy: Literal["round-robin", "least-loaded"] = "round-robin"
    protect: list[Annotated[str, Meta(min_length=1, pattern="^[^!]")]] = []
    budgets: Budgets = Budgets()
    planner: Planner = Planner()
    coder: Coder = Coder()
    model: Model = Model()
    test: Test = Test()
    reconcile: Reconcile = Reconcile()
    reviewer: Reviewer = Reviewer()
    sandbox: Sandbox | SandboxMode = Sandbox()
    forge: Forge = Forge()
    launch: Launch = Launch()
    server: Server = Server()
    presets: dict[str, Preset] = {}

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
    for name, preset in config.presets.items():
        for at, why in preset.misfits():
            from state.mismatch import misfit

            raise misfit(["presets", name, *at], why, data, str(path))
    return config
