"""The demo's own folder: a bare origin, a clone with a small program, the coders' answers."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agents.git.repository import Repository
from state.errors import UsageError
from state.yaml_codec import dump

DATA = Path(__file__).parent
TARGET = "main"


@dataclass(frozen=True)
class Site:
    folder: Path

    @property
    def origin(self) -> Repository:
        return Repository(self.folder / "origin.git")

    @property
    def clone(self) -> Path:
        return self.folder / "invoices"

    @property
    def repository(self) -> Repository:
        return Repository(self.clone / ".git", self.clone)

    @property
    def worktrees(self) -> Path:
        return self.folder / "worktrees"


def request() -> tuple[str, str]:
    """The request's title and its description with the task list."""
    title, _, description = (DATA / "request.md").read_text(encoding="utf-8").partition("\n")
    return title.removeprefix("# "), description.strip() + "\n"


def make(folder: Path | None, answers: Path | None, model: str | None) -> Site:
    """Everything the demo needs, in a new or empty folder. `model` None: the answers are scripted."""
    site = Site(empty(folder))
    _start(site)
    config: dict[str, object] = {"version": 1, "agents": 2, "testers": 2, "worktrees": str(site.worktrees)}
    if model is None:
        shutil.copytree(answers or DATA / "answers", site.folder / "answers")
        config["coder"] = {"backend": "scripted", "answers": "../answers"}
    else:
        config |= {"coder": {"backend": "model"}, "model": {"model": model}}
    records = site.clone / ".refactory"
    records.mkdir()
    (records / "config.yaml").write_bytes(dump(config))
    return site


def empty(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="refactory-demo-")).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder}: not empty", "the demo makes its repositories in a folder of its own")
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    return folder.resolve()


def _start(site: Site) -> None:
    """A program with its tests, one commit, pushed to the origin."""
    origin, repository = site.origin, site.repository
    for git in (origin, repository):
        (git.work_tree or git.git_dir).mkdir(parents=True)
    origin.run("init", "--quiet", "--bare", f"--initial-branch={TARGET}")
    repository.run("init", "--quiet", f"--initial-branch={TARGET}")
    repository.run("apply", "--index", str(DATA / "start.diff"))
    repository.run("commit", "--quiet", "--no-verify", "--message", "A library that adds up invoices")
    repository.run("remote", "add", "origin", str(origin.git_dir))
    repository.run("push", "--quiet", "--set-upstream", "origin", TARGET)
