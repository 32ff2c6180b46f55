"""Shows a file, or a part of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from agents.backends import tools
from agents.edits.tree.paths import refuse_reason
from agents.edits.tree.worktree import read_from
from agents.tasks.attempt import Job
from state.plural import plural

DESCRIPTION = "Show a file of the repository with line numbers, which are not part of it."
_MOST = 600


class Arguments(tools.Arguments, frozen=True, kw_only=True):
    path: Annotated[str, Meta(description="From the root of the repository.")]
    start: Annotated[int, Meta(ge=1, description="The first line to show.")] = 1
    count: Annotated[int, Meta(ge=1, le=_MOST, description="How many lines to show.")] = _MOST


def use(job: Job, arguments: Arguments) -> str:
    lines = text_of(job, arguments.path).split("\n")
    if lines[-1] == "":
        lines.pop()
    shown = lines[arguments.start - 1 :][: arguments.count]
    if lines and not shown:
        raise tools.ToolFailed(f"{arguments.path} has {plural(len(lines), 'line')}")
    numbered = [f"{number:5} {line}" for number, line in enumerate(shown, arguments.start)]
    left = len(lines) - arguments.start + 1 - len(shown)
    return "\n".join([*numbered, *([f"({plural(left, 'more line')})"] if left else [])]) or "(an empty file)"


def text_of(job: Job, path: str) -> str:
    """Raises ToolFailed or EditRefused for whatever is no text file of the worktree."""
    if reason := refuse_reason(path):
        raise tools.ToolFailed(f"{path!r}: {reason}")
    data = read_from(job.worktree.path)(path)
    if data is None:
        raise tools.ToolFailed(f"{path}: no such file", "`list` shows which there are")
    if b"\0" in data:
        raise tools.ToolFailed(f"{path}: is a binary file")
    return data.decode("utf-8", "replace")
