"""A model's answer becomes changed files in its task's worktree; what had to be tolerated is remembered."""

from __future__ import annotations

from functools import partial

from agents.backends.three_way import merged_in
from agents.edits import formats
from agents.edits.changes import Applied, EditRefused
from agents.edits.patch import try_answer
from agents.edits.tree.tracked import check_free
from agents.edits.tree.worktree import write
from agents.tasks.attempt import Job

_MOST = 100  # lines in a pull record


def apply(job: Job, answer: str, asked: formats.Name | None = None) -> Applied:
    """All of it, in the task's scope, or nothing and EditRefused."""
    applied = _placed(job, answer, asked)
    write(applied, job.worktree.path)
    told = [f"{path}, hunk {number}: {step}" for path, number, step in applied.steps if step != "exact"]
    job.tolerances.extend(told[: _MOST - len(job.tolerances)])
    return applied


def _placed(job: Job, answer: str, asked: formats.Name | None) -> Applied:
    """What does not fit exactly on what the task starts from, but on the base, is merged in."""
    root = job.worktree.path
    check = partial(check_free, job.worktree.git, root)
    try:
        applied = try_answer(answer, root, job.claim.task.scope, asked, check=check)
    except EditRefused:
        merged = merged_in(job, answer, asked)
        if merged is None:
            raise
    else:
        if all(step == "exact" for _, _, step in applied.steps):
            return applied
        merged = merged_in(job, answer, asked)
        if merged is None:
            return applied
    check(merged)
    return merged
