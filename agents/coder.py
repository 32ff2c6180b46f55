"""One attempt at a task: a worktree, a backend's edits, and a commit that Refactory makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from agents.backends import AttemptFailed, Job, Meter, solver
from agents.edits.paths import in_scope
from agents.git import Repository, numstat, shown
from agents.work import Claim, Report
from agents.workspace import Workspace, branch_ref, task_branch
from agents.worktrees import Worktree
from state.keys import number_of
from state.records import Diffstat, Task, Usage


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
    backend = claim.config.coder.backend
    start = starting_commit(claim, workspace)
    report = Report(base=start, branch=task_branch(claim.task.key), backend=backend)
    done = _done_already(claim.task, start, workspace.repository)
    if done:
        return _with_commit(report, workspace.repository, done, None)
    with workspace.pool.checkout(start) as worktree:
        logs = workspace.logs(claim.task.key, claim.task.attempts)
        job = Job(claim, worktree, logs, home, keep_running, meter)
        try:
            usage = solver(backend)(job)
            commit = _commit(claim, worktree, workspace.repository)
        except AttemptFailed as error:
            _keep_partial_work(claim, workspace, worktree)
            return replace(report, failure=error.message, usage=meter.usage)
    if not keep_running():
        return report
    workspace.set_branch(task_branch(claim.task.key), commit, claim.task.key)
    workspace.publish(task_branch(claim.task.key))
    return _with_commit(report, workspace.repository, commit, usage)


def starting_commit(claim: Claim, workspace: Workspace) -> str:
    """The base, with everything the task depends on merged into it."""
    head = claim.task.base or claim.orchestration.base
    workspace.bring(head, claim.orchestration.target_branch if claim.task.base is None else claim.task.branch)
    for parent in claim.parents:
        workspace.bring(parent.commit, parent.branch)
        head = _merged(workspace.repository, head, parent.task, parent.commit)
    return head


def _merged(git: Repository, head: str, task: str, commit: str) -> str:
    if git.is_ancestor(commit, head):
        return head
    if git.is_ancestor(head, commit):
        return commit
    merge = git.merge_tree(head, commit)
    if merge.conflicts:
        raise ParentsConflict(task, head, merge.conflicts)
    return git.commit_tree(merge.tree, (head, commit), f"Merge task {number_of(task)}", date="@0 +0000")


def _commit(claim: Claim, worktree: Worktree, git: Repository) -> str:
    task = claim.task
    tree = worktree.snapshot()
    if tree == git.tree(worktree.commit):
        raise AttemptFailed("nothing was changed")
    commit = git.commit_tree(tree, (worktree.commit,), message(claim))
    changed = (path for _, _, path in numstat(git, worktree.commit, commit))
    outside = [path for path in changed if not in_scope(path, task.scope)]
    if outside:
        raise AttemptFailed(
            f"changed files outside the task's scope ({', '.join(task.scope)}): {', '.join(map(shown, outside))}"
        )
    return commit


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


def _done_already(task: Task, start: str, git: Repository) -> str | None:
    """This attempt's commit, if a coder was killed between making it and reporting it."""
    head = git.resolve(branch_ref(task_branch(task.key)))
    if head in (None, task.commit) or git.resolve(f"{head}^") != start:
        return None  # nothing new: a commit that was reported is known, and was sent back
    trailers = git.run("log", "-1", "--format=%(trailers:key=Refactory-Attempt,valueonly)", head)
    return head if trailers.strip() == str(task.attempts) else None


def _keep_partial_work(claim: Claim, workspace: Workspace, worktree: Worktree) -> None:
    """What a failed attempt had changed, at a backup ref: it may have been hours of work."""
    tree = worktree.snapshot()
    if tree != worktree.git.tree(worktree.commit):
        commit = worktree.git.commit_tree(tree, (worktree.commit,), message(claim))
        workspace.keep(claim.task.key, commit)


def _with_commit(report: Report, git: Repository, commit: str, usage: Usage | None) -> Report:
    stat = diffstat(git, report.base or f"{commit}^", commit)
    return replace(report, commit=commit, diffstat=stat, usage=usage)


def diffstat(git: Repository, old: str, new: str) -> Diffstat:
    rows = numstat(git, old, new)
    added = sum(int(added) for added, _, _ in rows if added.isdigit())
    removed = sum(int(removed) for _, removed, _ in rows if removed.isdigit())
    return Diffstat(files=len(rows), insertions=added, deletions=removed)
