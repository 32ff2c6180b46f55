"""What killed agents left: worktrees, processes, refs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable, found
from agents.edits.tree.unfinished import JOURNAL, exclusively
from agents.git.lock import git_locked
from agents.git.refs import ATTEMPTS, branch_ref, task_branch
from agents.processes.inhabitants import inhabitants, is_ours, kill_inhabitants
from agents.worktrees.attempts import is_over, owner
from agents.worktrees.presence import anybody
from agents.worktrees.workspace import is_left_by_fetch
from state.location import Location
from state.records import Task


def processes(evidence: Evidence) -> Iterator[Found]:
    """Only those that a run of ours has started are ended; a person may have a shell there."""
    for name in _unused(evidence):
        path = evidence.workspace.pool.folder / name
        for pid in inhabitants(path):
            message = f"process {pid} still runs in {path}"
            if _is_ours(pid):
                mend = partial(_end, evidence, name)
                yield fixable("process", message, "end it", mend)
            else:
                yield found("process", message, "end it, or leave that folder")


def _is_ours(pid: int) -> bool:
    try:
        return is_ours(pid)
    except OSError:
        return False  # another user's, or gone


def _end(evidence: Evidence, name: str, _backup: Backup) -> None:
    kill_inhabitants(evidence.workspace.pool.folder / name)


def worktrees(evidence: Evidence) -> Iterator[Found]:
    """Agents that are alive keep theirs for the next task; without them there should be none."""
    for name in _unused(evidence):
        path = evidence.workspace.pool.folder / name
        yield fixable("worktree", f"{path} is left over", "remove it", partial(_dispose, evidence))


def _dispose(evidence: Evidence, _backup: Backup) -> None:
    """What was in them is committed, or was kept when its attempt ended."""
    evidence.workspace.pool.dispose()


def _unused(evidence: Evidence) -> list[str]:
    if evidence.config_fault or anybody(evidence.store.location.private):
        return []
    return evidence.workspace.pool.unused()


def fetches(evidence: Evidence) -> Iterator[Found]:
    for ref in filter(is_left_by_fetch, evidence.refs):
        mend = partial(_remove_ref, evidence, ref)
        yield fixable("ref", f"{ref} was left by a killed fetch", "remove it", mend)


def refused(evidence: Evidence) -> Iterator[Found]:
    """A commit waits for its report only as long as its task is worked on."""
    tasks = evidence.records(Task)
    for ref, commit in evidence.refs.items():
        task = tasks.get(owner(ref))
        if not ref.startswith(ATTEMPTS) or (task and not _over(evidence, task, commit)):
            continue
        mend = partial(_remove_ref, evidence, ref)
        yield fixable("ref", f"{ref} was left by a killed agent", "make a backup ref of it", mend)


def edits(evidence: Evidence) -> Iterator[Found]:
    """While a patch:apply is at work its journal is there, too, but no longer than a moment."""
    where = evidence.store.location
    if (where.own_private / JOURNAL).exists():
        message = f"a patch:apply was killed: some files in {where.root} may be changed, others not"
        yield fixable("patch", message, "bring all of them back", partial(_undo, where))


def _undo(where: Location, _backup: Backup) -> None:
    with exclusively(where.own_private, where.root):
        pass  # whoever holds it has undone it


def _over(evidence: Evidence, task: Task, commit: str) -> bool:
    return is_over(task, commit, evidence.refs.get(branch_ref(task_branch(task.key))))


def _remove_ref(evidence: Evidence, ref: str, backup: Backup) -> None:
    commit = evidence.refs[ref]
    with git_locked(evidence.workspace.git_lock, "doctor", evidence.git.git_dir):
        backup.ref(ref, commit)
        evidence.git.run("update-ref", "-d", ref, commit)
