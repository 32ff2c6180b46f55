"""Answers from a folder: offline and deterministic, for demos and tests. `<answers>/<task>/<attempt>.md`."""

from __future__ import annotations

import re
from pathlib import Path

from agents.backends.answer import apply
from agents.edits.changes import EditRefused
from agents.tasks.attempt import AttemptFailed, Job, NoUse
from state.keys import number_of
from state.records import Task, Usage


def solve(job: Job) -> Usage | None:
    task = job.claim.task
    path = _answer(job.home / (job.claim.config.coder.answers or "answers"), task)
    try:
        apply(job, path.read_text(encoding="utf-8"))
    except EditRefused as error:
        raise AttemptFailed(f"{path.name}: {error.message}") from None
    return Usage(model="scripted")


def _answer(folder: Path, task: Task) -> Path:
    """The attempt's own answer, else the last one before it."""
    mine = folder / slug(task.title)
    if not mine.is_dir():
        mine = folder / str(number_of(task.key))
    for attempt in range(task.attempts, 0, -1):
        for path in (mine / f"{attempt}.md", mine / f"{attempt}.diff"):
            if path.is_file():
                return path
    raise NoUse(f"no scripted answer in {folder}/{slug(task.title)} for attempt {task.attempts}")


def slug(title: str) -> str:
    """A title as a folder's name: `Add a total()` is `add-a-total`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80]
