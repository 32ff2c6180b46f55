"""Finds a text in the files of the worktree. A literal one: a pattern of a model's could run for ever."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from msgspec import Meta

from agents.backends import tools
from agents.backends.tools.list_tool import paths
from agents.backends.tools.read_tool import text_of
from agents.tasks.attempt import Job
from state.errors import RefactoryError

DESCRIPTION = (
    "Find a literal text (no regular expression) in the repository's files: path, line number, line."
)
_MOST = 200
_LARGEST = 2 * 1024 * 1024


class Arguments(tools.Arguments, frozen=True, kw_only=True):
    text: Annotated[str, Meta(min_length=1)]
    glob: Annotated[str, Meta(description="Only in paths that match; * matches / too.")] = "*"
    ignore_case: bool = False


def use(job: Job, arguments: Arguments) -> str:
    found: list[str] = []
    for hit in _hits(job, arguments):
        if len(found) == _MOST:
            return "\n".join([*found, "(there are more)"])
        found.append(hit)
    return "\n".join(found) or "not found"


def _hits(job: Job, arguments: Arguments) -> Iterator[str]:
    fold = str.casefold if arguments.ignore_case else str
    wanted = fold(arguments.text)
    for path in paths(job.worktree.path):
        if not fnmatchcase(path, arguments.glob) or (job.worktree.path / path).stat().st_size > _LARGEST:
            continue
        try:
            text = text_of(job, path)
        except RefactoryError:
            continue
        if wanted in fold(text):
            for number, line in enumerate(text.split("\n"), 1):
                if wanted in fold(line):
                    yield f"{path}:{number}: {line[:300]}"
