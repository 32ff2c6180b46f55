"""What is kept at refs of our own: shown, brought back, and, once it has landed or is old, removed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from agents.git.lock import git_locked
from agents.git.refs import ATTEMPTS, BACKUPS, branch_ref
from agents.git.repository import Repository
from agents.worktrees.workspace import local
from state.clock import stamp
from state.errors import Conflict, NotFound, UsageError
from state.lifecycle import SETTLED
from state.plural import plural
from state.records import Launch, Plan, Task
from state.store import Store

_OURS = (BACKUPS, ATTEMPTS, "refs/heads/refactory/tasks/", "refs/heads/refactory/plans/")
_FIELDS = "%(refname)%00%(objectname)%00%(committerdate:unix)%00%(contents:subject)%00%(worktreepath)"
_DAY = 86400


class Kept(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A commit at a ref of ours. `task` is the key of the task it was made for; `why` it would be removed."""

    ref: str
    commit: str
    task: str | None = None
    subject: str = ""
    made: str = ""
    days: int = 0
    why: str = ""


@dataclass(frozen=True)
class _Ref:
    name: str
    commit: str
    seconds: int
    subject: str
    worktree: str


def kept(store: Store) -> list[Kept]:
    """The backups, the newest first."""
    git = Repository(store.location.git_dir)
    found = sorted(_refs(git, [BACKUPS]), key=lambda ref: (-ref.seconds, ref.name))
    return [_kept(store, ref, "") for ref in found]


def restore(store: Store, wanted: str, branch: str | None) -> tuple[Kept, str]:
    """A branch at the backup that a commit's first digits, or a ref, name. No branch is moved for it."""
    found = [one for one in kept(store) if one.ref == wanted or one.commit.startswith(wanted.lower())]
    if len(wanted) < 4 or not found:
        raise NotFound(f"no backup {wanted!r}", "`refactory restore` lists them")
    if len({one.commit for one in found}) > 1:
        raise UsageError(f"{wanted!r} names {len(found)} backups", "give more digits of the commit")
    workspace, one = local(store), found[0]
    name = branch or f"restored/{one.commit[:12]}"
    workspace.repository.check_branch(name)
    with git_locked(workspace.git_lock, "restore", workspace.repository.git_dir):
        here = workspace.repository.resolve(branch_ref(name))
        if here not in (None, one.commit):
            raise Conflict(
                f"a branch {name} is there already, at {(here or '')[:12]}", "name another: --branch NAME"
            )
        workspace.repository.update_ref(branch_ref(name), one.commit)
    return one, name


def removable(store: Store, days: float) -> list[Kept]:
    """What has landed, and what is older and not worked on any more."""
    git = Repository(store.location.git_dir)
    landed = _Landed(store, git)
    found = []
    for ref in _refs(git, _OURS):
        if ref.worktree or _is_needed(store, ref):
            continue
        old = time.time() - ref.seconds > days * _DAY
        why = landed.where(ref.commit) or (f"older than {plural(days, 'day')}" if old else "")
        if why:
            found.append(_kept(store, ref, why))
    return found


def remove(store: Store, chosen: Sequence[Kept]) -> None:
    """All in one step, each only if it still is what was looked at."""
    workspace = local(store)
    lines = "".join(f"delete {one.ref} {one.commit}\n" for one in chosen)
    with git_locked(workspace.git_lock, "gc", workspace.repository.git_dir):
        workspace.repository.run("update-ref", "--stdin", input=lines.encode())


class _Landed:
    """Targets of launches, and of no others: only there is a commit safe."""

    def __init__(self, store: Store, git: Repository) -> None:
        targets = {launch.landing.target_branch for launch in store.all(Launch)}
        self._heads = {name: head for name in targets if (head := git.resolve(branch_ref(name)))}
        self._git = git

    def where(self, commit: str) -> str:
        for name, head in self._heads.items():
            if self._git.is_ancestor(commit, head):
                return f"landed on {name}"
        return ""


def _is_needed(store: Store, ref: _Ref) -> bool:
    """A branch or attempt of a task or plan that is not settled."""
    if ref.name.startswith(BACKUPS):
        return False
    owner = _owner(ref.name)
    task, plan = store.find(Task, owner), store.find(Plan, owner)
    waits = task is not None and (task.state not in SETTLED or task.state == "completed")
    return waits or (plan is not None and plan.state == "orchestrated")


def _owner(ref: str) -> str:
    for prefix in _OURS:
        if ref.startswith(prefix):
            return ref.removeprefix(prefix).partition("/")[0]
    return ""


def _kept(store: Store, ref: _Ref, why: str) -> Kept:
    task = store.find(Task, _owner(ref.name)) if "-" in _owner(ref.name) else None
    days = int(max(0, time.time() - ref.seconds) // _DAY)
    return Kept(
        ref=ref.name,
        commit=ref.commit,
        task=task.key if task else None,
        subject=ref.subject,
        made=stamp(ref.seconds),
        days=days,
        why=why,
    )


def _refs(git: Repository, prefixes: Sequence[str]) -> Iterator[_Ref]:
    for line in git.run("for-each-ref", f"--format={_FIELDS}", *prefixes).splitlines():
        name, commit, seconds, subject, worktree = line.split("\0")
        yield _Ref(name, commit, int(seconds or 0), subject, worktree)
