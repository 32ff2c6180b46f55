"""An answer made of the base, not of what its task starts from: placed there and merged, as by `git apply --3way`."""

from __future__ import annotations

from agents.edits import applier, formats
from agents.edits.changes import Applied, Change, EditRefused
from agents.edits.tree.worktree import read_from
from agents.reconcile.merging import Merger
from agents.reconcile.resolvers.chain import chain
from agents.reconcile.resolvers.clash import Clash
from agents.reconcile.resolvers.regions import parts_of
from agents.tasks.attempt import Job


def merged_in(job: Job, answer: str, asked: formats.Name | None) -> Applied | None:
    """None unless every hunk fits the base exactly, and what it makes of each file merges with what is there now."""
    git, base = job.worktree.git, job.claim.orchestration.base
    if job.worktree.commit == base:
        return None
    try:
        edits = formats.parse(answer, asked)
        there = applier.apply(edits, lambda path: git.blob(base, path), job.claim.task.scope)
        read = read_from(job.worktree.path)
        before = {path: read(path) for path in there.before}
    except EditRefused:
        return None
    if any(step != "exact" for _, _, step in there.steps):
        return None
    files = {path: _merged(job, path, there, before.get(path)) for path in there.files}
    found = {path: change for path, change in files.items() if change}
    steps = tuple((path, number, "three-way") for path, number, _ in there.steps)
    return Applied(found, steps, before) if len(found) == len(files) else None


def _merged(job: Job, path: str, there: Applied, now: bytes | None) -> Change | None:
    """None for what conflicts, and for a file that is gone, new, or renamed on one side."""
    change, base = there.files[path], there.before.get(path)
    if now == base:
        return change
    if change.content is None or base is None or now is None or change.source not in (None, path):
        return None
    parts = parts_of(job.worktree.git, base, now, change.content)
    if parts is None:
        return None
    clash = Clash(path, "edit/edit", base, now, change.content, parts, task=job.claim.task)
    closed = _merger(job).closed(clash) if clash.is_open else clash
    return Change(closed.content, change.mode) if closed else None


def _merger(job: Job) -> Merger:
    """No line may be lost: nobody has tested this yet."""
    private = job.logs.parents[2]
    return Merger(
        job.worktree.git, chain(job.claim.config.reconcile, private, job.claim.task.plan), strict=lambda: True
    )
