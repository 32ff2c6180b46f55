"""A model's answer becomes changed files in its task's worktree; what had to be tolerated is remembered."""

from __future__ import annotations

from functools import partial

from agents.edits import formats
from agents.edits.changes import Applied
from agents.edits.patch import apply_answer
from agents.edits.tracked import check_free
from agents.tasks.attempt import Job

_MOST = 100  # lines in a pull record


def apply(job: Job, answer: str, asked: formats.Name | None = None) -> Applied:
    """All of it, in the task's scope, or nothing and EditRefused."""
    root = job.worktree.path
    check = partial(check_free, job.worktree.git, root)
    applied = apply_answer(answer, root, job.claim.task.scope, asked, check=check)
    told = [f"{path}, hunk {number}: {step}" for path, number, step in applied.steps if step != "exact"]
    job.tolerances.extend(told[: _MOST - len(job.tolerances)])
    return applied
