"""`refactory demo --local`: one small task for a real model on this machine, and the truth about what came out."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import msgspec

from agents.git.repository import Repository
from agents.tasks.reason import gist
from commands._demo import site
from commands._status import Status
from state.keys import number_of
from state.lifecycle import DONE
from state.plural import plural
from state.records import Pull, Task
from state.yaml_codec import dump

PLAINLY = "This model is no coder: 135 million parameters, to show that the pipeline works with a real one."
_TASK = """## Add double
scope: double.py
acceptance: python3 -c "from double import double; assert double(21) == 42"

The new file double.py holds one function, `double(x)`, which returns x * 2. Nothing else.
"""
# So small a model repeats what it is told at length; a project's own prompts replace ours.
_PROMPT = (
    "You write Python. Write the file that the task asks for: its name, and below it the code. Then stop.\n"
)
_CONFIG: dict[str, object] = {
    "version": 1,
    "agents": 1,
    "testers": 1,
    "budgets": {"attempts": 2},
    "model": {"provider": "local", "timeout": 120.0, "retries": 1, "maxOutputTokens": 200},
    "coder": {"backend": "model", "contextTokens": 400, "patchAttempts": 1},
    "test": {"required": True, "seconds": 60.0},
}


class LocalReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`solved`: the task's tests passed. `transcripts`: what was asked and answered, one file for each call."""

    folder: str
    model: str
    solved: bool
    seconds: float
    task: Task
    pulls: list[Pull]
    transcripts: list[str]
    plainly: str = PLAINLY


def make(folder: Path | None) -> Path:
    """A repository with one file."""
    top = site.empty(folder) / "double"
    git = Repository(top / ".git", top)
    top.mkdir()
    git.run("init", "--quiet", f"--initial-branch={site.TARGET}")
    (top / "notes.txt").write_text("A small library.\n", encoding="utf-8")
    git.run("add", "notes.txt")
    git.run("commit", "--quiet", "--no-verify", "--message", "A start")
    (top / ".refactory").mkdir()
    (top / ".refactory" / "config.yaml").write_bytes(dump(_CONFIG))
    (top / ".refactory" / "prompts").mkdir()
    (top / ".refactory" / "prompts" / "coder.md").write_text(_PROMPT, encoding="utf-8")
    return top


def request() -> tuple[str, str]:
    return "A small library", _TASK


def report(
    folder: Path, private: Path, status: Status, pulls: list[Pull], model: str, seconds: float
) -> LocalReport:
    (task,) = status.tasks
    logs = private / "logs" / task.key
    return LocalReport(
        folder=str(folder),
        model=model,
        solved=task.state in DONE,
        seconds=round(seconds, 1),
        task=task,
        pulls=pulls,
        transcripts=sorted(map(str, logs.glob("*/model-*.md"))),
    )


def text(done: LocalReport) -> str:
    usage = [pull.usage for pull in done.pulls if pull.usage]
    tokens = f"{sum(u.input_tokens for u in usage)} tokens in, {sum(u.output_tokens for u in usage)} out"
    came = (
        "passed the tests"
        if done.solved
        else "did not pass: the task has failed, and nothing of it was taken"
    )
    why = "" if done.solved else f"\nwhy       {' '.join(gist(done.task.feedback)) or '?'}"
    return dedent("""\
        {model}, served on the loopback for this run, {calls}, {tokens}, {seconds} s

        {plainly}

        task      {number} {title}
        outcome   after {attempts} of 2 attempts its answer {came}{why}
        answers   {transcripts}
        folder    {folder}""").format(
        model=done.model,
        calls=plural(sum(u.requests for u in usage), "call"),
        tokens=tokens,
        seconds=done.seconds,
        plainly=done.plainly,
        number=number_of(done.task.key),
        title=done.task.title,
        attempts=done.task.attempts,
        came=came,
        why=why,
        transcripts=f"{os.linesep}          ".join(done.transcripts) or "none",
        folder=done.folder,
    )
