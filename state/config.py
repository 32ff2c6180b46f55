"""`.refactory/config.yaml`: everything has a default, unknown keys are errors. See docs/configuration.md."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from state.errors import InvalidFile
from state.records import Budgets


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class Model(Section, frozen=True, kw_only=True):
    """An OpenAI-compatible endpoint. `base_url` None: OPENAI_BASE_URL, else OpenAI's own."""

    model: str = "gpt-6.2-sol"
    api: Literal["auto", "responses", "chat", "completions"] = "auto"
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    stream: bool = False
    timeout: float = 300.0
    retries: int = 3
    backoff: float = 1.0
    max_output_tokens: int | None = None


class Test(Section, frozen=True, kw_only=True):
    """`command` None: detected. `required` False accepts work that no test has seen."""

    command: str | None = None
    junit: str | None = None
    required: bool = True
    seconds: float = 600.0
    pass_env: list[str] = []


class Coder(Section, frozen=True, kw_only=True):
    backend: Literal["model", "command", "scripted"] = "model"
    answers: str | None = None
    command: str | None = None
    seconds: float = 1800.0
    patch_attempts: int = 3
    context_tokens: int = 60_000
    pass_env: list[str] = []


class Planner(Section, frozen=True, kw_only=True):
    backend: Literal["template", "model"] = "template"
    overlaps: Literal["warn", "serialise"] = "warn"
    approval: Literal["automatic", "required"] = "automatic"


class Reviewer(Section, frozen=True, kw_only=True):
    """Rules always run; `model` adds a model's review. Findings of `blocking` severity or worse reject."""

    backend: Literal["rules", "model"] = "rules"
    blocking: Literal["error", "warning", "note"] = "error"
    max_file_bytes: int = 1_000_000


class Server(Section, frozen=True, kw_only=True):
    port: int = 3000


class Config(Section, frozen=True, kw_only=True):
    version: Literal[1] = 1
    agents: int = 2
    testers: int = 2
    target_branch: str | None = None
    remote: str | None = None
    worktrees: str | None = None
    lease_seconds: float = 60.0
    durability: Literal["full", "fast"] = "full"
    strategy: Literal["round-robin", "least-loaded"] = "round-robin"
    budgets: Budgets = Budgets()
    planner: Planner = Planner()
    coder: Coder = Coder()
    model: Model = Model()
    test: Test = Test()
    reviewer: Reviewer = Reviewer()
    server: Server = Server()


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
    return parse(Config, data, str(path))
