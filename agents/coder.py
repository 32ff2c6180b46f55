"""One attempt at a task: a worktree, a backend's edits, and a commit that Refactory makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from agents.backends import solver
from agents.edits.tree.paths import in_scope, without
from agents.git.diff import diffstat, summed
from agents.git.path_text import shown
from agents.git.refs import task_branch
from agents.model.meter import Meter
from agents.reconcile.merging import Merger
from agents.reconcile.resolvers.chain import chain
from agents.sandbox import kind_of
from agents.tasks.attempt import AttemptFailed, Job
from agents.tasks.work import Claim, Report
from agents.worktrees.attempts import finished
from agents.worktrees.workspace import Workspace
from agents.worktrees.worktree import Snapshot, Worktree
from state.errors import RefactoryError
from state.keys import number_of
from state.records import Task, Usage


class ParentsConflict(Exception):
    """Two tasks that this one starts from can't be merged: the later one must be done again on `head`."""

    def __init__(self, task: str, head: str, files: tuple[str, ...]) -> None:
        super().__init__(task)
        self.task = task
        self.head = head
        self.files = files


def attempt(
    claim: Claim, workspace: Workspace, home: Path, keep_running: Callable[[], bool], meter: Meter
) -> Report:
    """Do the task once. Failures of the attempt are in the report; raises ParentsConflict."""
    claim = replace(claim, task=_guarded(claim.task, claim.config.protect))
    start = starting_commit(claim, workspace)
    coder = claim.config.coder
    report = Report(
        base=start,
        branch=task_branch(claim.task.key),
        backend=coder.backend,
        preset=coder.preset_in_use,
        sandbox=kind_of(claim.config.walls),
    )
    done = finished(claim.task, start, workspace.repository)
    if done:
        return replace(report, commit=done, diffstat=diffstat(workspace.repository, start, done))
    with workspace.pool.checkout(start, coder.max_bytes) as worktree:
        logs = workspace.logs(claim.task.key, claim.task.attempts)
        job = Job(claim, worktree, logs, home, keep_running, meter)
        try:
            usage, snapshot = _solved(job, workspace)
        except AttemptFailed as error:
            return replace(
                report, failure=error.message, final=error.final, usage=meter.usage, message=job.message
            )
    return _offered(job, workspace, snapshot, usage, report)


def _solved(job: Job, workspace: Workspace) -> tuple[Usage | None, Snapshot]:
    """What the backend took and made. On any failure its work is kept: an agent's key may end in the midst of it."""
    try:
        usage = solver(job.claim.config.coder.backend)(job)
        return usage, _checked(job.claim, job.worktree.snapshot())
    except RefactoryError:
        _keep_partial_work(job.claim, workspace, job.worktree)
        raise
    finally:
        with suppress(OSError):  # not empty: something was said
            job.logs.rmdir()


def _offered(
    job: Job, workspace: Workspace, snapshot: Snapshot, usage: Usage | None, report: Report
) -> Report:
    """The work as a commit on the task's branch; kept aside if the task is not ours any more."""
    claim = job.claim
    commit = workspace.repository.commit_tree(snapshot.tree, (job.worktree.commit,), message(claim))
    if snapshot.kept:
        _keep(claim, workspace, commit, snapshot.kept)
    if not job.keep_running():
        workspace.keep(claim.task.key, commit)
        return report
    workspace.offer(task_branch(claim.task.key), commit)
    return replace(
        report,
        commit=commit,
        diffstat=summed(snapshot.changed),
        usage=usage,
        ignored=list(snapshot.ignored),
        tolerances=job.tolerances[:],
        message=job.message,
    )


def starting_commit(claim: Claim, workspace: Workspace) -> str:
    """The base, with everything the task depends on merged into it."""
    head = claim.task.base or claim.orchestration.base
    workspace.bring(head, claim.orchestration.target_branch if claim.task.base is None else claim.task.branch)
    for parent in claim.parents:
        workspace.bring(parent.commit, parent.branch)
        head = _merged(_merger(claim, workspace), head, parent.task, parent.commit)
    return head


def _merger(claim: Claim, workspace: Workspace) -> Merger:
    """No model is asked, and as nothing tests what a task starts from, no line may be lost."""
    resolvers = chain(claim.config.reconcile, workspace.private, claim.task.plan)
    return Merger(workspace.repository, resolvers, strict=lambda: True)


def _merged(merger: Merger, head: str, task: str, commit: str) -> str:
    git = merger.git
    if git.is_ancestor(commit, head):
        return head
    if git.is_ancestor(head, commit):
        return commit
    merge = merger.merge(head, commit)
    if merge.conflicts:
        raise ParentsConflict(task, head, merge.conflicts)
    return git.commit_tree(merge.tree, (head, commit), f"Merge task {number_of(task)}", date="@0 +0000")


def _guarded(task: Task, protect: Sequence[str]) -> Task:
    """Backends see what is protected as a part of the scope."""
    return replace(task, scope=without(task.scope, protect))


def _checked(claim: Claim, snapshot: Snapshot) -> Snapshot:
    """Raises AttemptFailed for no change, and for one outside the scope or of a protected file."""
    task, protect = claim.task, claim.config.protect
    if not snapshot.changed:
        raise AttemptFailed("nothing was changed")
    guarded = [change.path for change in snapshot.changed if protect and in_scope(change.path, protect)]
    if guarded:
        raise AttemptFailed(
            f"changed files that the configuration protects ({', '.join(protect)}): {', '.join(map(shown, guarded))}"
        )
    outside = [change.path for change in snapshot.changed if not in_scope(change.path, task.scope)]
    if outside:
        raise AttemptFailed(
            f"changed files outside the task's scope ({', '.join(task.scope)}): {', '.join(map(shown, outside))}"
        )
    return snapshot


def message(claim: Claim) -> str:
    """Subject, detail, and trailers (git-interpret-trailers(1)) that say where it comes from."""
    task = claim.task
    detail = f"\n{task.detail.strip()}\n" if task.detail.strip() else ""
    return (
        f"{task.title}\n{detail}\n"
        f"Refactory-Task: {task.key}\n"
        f"Refactory-Plan: {task.plan}\n"
        f"Refactory-Agent: {task.agent}\n"
        f"Refactory-Attempt: {task.attempts}\n"
    )


def _keep_partial_work(claim: Claim, workspace: Workspace, worktree: Worktree) -> None:
    """What a failed attempt had changed, at a backup ref: it may have been hours of work."""
    snapshot = worktree.snapshot()
    if snapshot.changed:
        _keep(claim, workspace, worktree.commit, snapshot.kept or snapshot.tree)


def _keep(claim: Claim, workspace: Workspace, parent: str, tree: str) -> None:
    workspace.keep(claim.task.key, workspace.repository.commit_tree(tree, (parent,), message(claim)))
