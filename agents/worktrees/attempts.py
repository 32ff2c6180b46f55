"""The commit of an attempt, before and after its report.

A coder leaves it at a ref of its own. The task's branch is moved to what the task's record says, and only an
accepted report changes that: a coder that wakes up after its lease moves nothing, neither here nor at the remote.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agents.git.lock import git_locked
from agents.git.refs import ATTEMPTS, attempt_ref, branch_ref, may_be_there, task_branch
from agents.git.repository import GitError, Repository
from agents.worktrees.workspace import Workspace, local
from state.errors import Conflict, Unavailable
from state.records import Task
from state.store import Store


def finished(task: Task, start: str, git: Repository) -> str | None:
    """This attempt's commit, if a coder was killed between making it and reporting it."""
    refs = attempt_ref(task_branch(task.key), "")
    if not may_be_there(git.git_dir, refs):
        return None
    fields = "--format=%(objectname) %(parent) %(contents:trailers:key=Refactory-Attempt,valueonly)"
    for line in git.run("for-each-ref", "--sort=-committerdate", fields, refs).splitlines():
        commit, *rest = line.split() or [""]
        if rest == [start, str(task.attempts)] and commit != task.commit:
            return commit
    return None


@contextmanager
def offered(workspace: Workspace, task: Task, commit: str | None) -> Iterator[None]:
    """Around a report. Accepted, the remote's branch follows; refused, the commit is kept at a backup ref."""
    if commit is None:
        yield
        return
    try:
        yield
    except Conflict:
        workspace.keep(task.key, commit)
        raise
    if workspace.remote:
        _publish(workspace, task_branch(task.key), commit, task.commit or "")
        if workspace.repository.resolve(attempt_ref(task_branch(task.key), commit)):
            workspace.keep(task.key, commit)  # a mirror, which has no records to follow


def _publish(workspace: Workspace, branch: str, commit: str, before: str) -> None:
    """For people to see: who needs the commit has it from its own ref. A later holder's is left as it is."""
    with suppress(Unavailable):
        there = workspace.remote_head(branch)
        if there in ("", before):
            workspace.push(commit, f"refs/heads/{branch}", there)


def settle(store: Store, task_id: str) -> None:
    """Point the task's branch to what its record says. Whoever looks last, under the lock, is right."""
    workspace = local(store)
    with git_locked(workspace.git_lock, "git update-ref", workspace.repository.git_dir):
        task = store.get(Task, task_id)
        if task.commit is None or task.branch != task_branch(task.key):
            return
        try:
            workspace.move_branch(task.branch, task.commit, task.key)
        except Conflict:
            pass  # somebody has it checked out; the record is what counts
        except GitError:
            if workspace.has(task.commit):  # else it is at the remote only
                raise


def clear_left(store: Store) -> None:
    """Attempts' commits that killed agents left at refs of their own, once nobody waits for them: backed up."""
    workspace = local(store)
    listed = workspace.repository.run("for-each-ref", "--format=%(refname) %(objectname)", ATTEMPTS)
    for ref, commit in (line.split() for line in listed.splitlines()):
        task = store.find(Task, owner(ref))
        if task and is_over(task, commit, workspace.repository.resolve(branch_ref(task_branch(task.key)))):
            workspace.keep(task.key, commit)


def owner(ref: str) -> str:
    """The task whose attempt it is."""
    return ref.removeprefix(ATTEMPTS).partition("/")[0]


def is_over(task: Task, commit: str, branch_head: str | None) -> bool:
    """A commit waits for its report only as long as its task is worked on, and then for its branch to be moved."""
    waits = task.state in ("assigned", "in_progress")
    return not waits and not (task.commit == commit != branch_head)
