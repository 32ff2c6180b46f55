"""What is wrong in a repository's records, refs and worktrees, and the mending that has one right answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from agents.inhabitants import inhabitants
from agents.presence import anybody
from agents.workspace import Workspace, branch_ref, local
from state import leases
from state.errors import RefactoryError
from state.keys import is_key, number_of
from state.records import KINDS, Plan, Record, Task
from state.store import Store


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`fix` says what `--fix` would do; empty: a person has to decide."""

    check: str
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Found:
    problem: Problem
    mend: Callable[[], None] | None = None


def diagnose(store: Store) -> list[Found]:
    workspace = local(store)
    return [found for check in CHECKS for found in check(store, workspace)]


def journal(store: Store, _workspace: Workspace) -> Iterator[Found]:
    """Opening the store recovers it, so one that is there now could not be carried out."""
    if store.journal.exists():
        yield _found(
            "journal", "a transaction was begun and not finished", "finish it", lambda: _recover(store)
        )


def _recover(store: Store) -> None:
    with store.lock("doctor"):
        pass


def readable(store: Store, _workspace: Workspace) -> Iterator[Found]:
    for kind in KINDS:
        for key in store.keys(kind):
            try:
                store.find(kind, key)
            except RefactoryError as error:
                yield _found("readable", error.message)


def stray_files(store: Store, _workspace: Workspace) -> Iterator[Found]:
    for kind in KINDS:
        for path in sorted((store.location.records / kind.folder).glob("*")):
            if path.suffix != ".yaml" or not is_key(path.stem):
                yield _found("stray-file", f"{path.relative_to(store.location.root)} is no record")


def numbers(store: Store, _workspace: Workspace) -> Iterator[Found]:
    """Two branches may both have made number 7; the keys differ, the number alone is refused."""
    for kind in KINDS:
        seen: dict[int, str] = {}
        for key in store.keys(kind):
            other = seen.setdefault(number_of(key), key)
            if other != key:
                yield _found("number", f"{kind.folder}: {other} and {key} share a number; use the whole keys")


def references(store: Store, _workspace: Workspace) -> Iterator[Found]:
    known = {kind.folder: set(store.keys(kind)) for kind in KINDS}
    for record in _readable_records(store):
        for folder, key in _references(record):
            if key not in known[folder]:
                name = f"{record.folder}/{record.key}"
                yield _found("reference", f"{name} refers to {folder}/{key}, which is not there")


def _references(record: Record) -> Iterator[tuple[str, str]]:
    for name in record.references:
        key = getattr(record, name)
        if key is not None:
            yield f"{name}s", key
    if isinstance(record, Task):
        yield from (("tasks", key) for key in record.depends_on)
        yield from (("pulls", key) for key in record.pulls)
    if isinstance(record, Plan):
        yield from (("tasks", key) for key in record.tasks)


def commits(store: Store, workspace: Workspace) -> Iterator[Found]:
    """A finished task's commit must exist; its branch can be set again from the record."""
    for task in _readable_records(store, Task):
        assert isinstance(task, Task)
        if task.commit is None or task.state not in ("testing", "completed"):
            continue
        number = number_of(task.key)
        if not workspace.has(task.commit):
            yield _found(
                "commit", f"task {number} is {task.state}, but its commit {task.commit[:12]} is missing"
            )
        elif task.branch and workspace.repository.resolve(branch_ref(task.branch)) is None:
            mend = _branch_setter(workspace, task.branch, task)
            yield _found("branch", f"task {number}: branch {task.branch} is missing", "set it again", mend)


def _branch_setter(workspace: Workspace, branch: str, task: Task) -> Callable[[], None]:
    return lambda: workspace.set_branch(branch, task.commit or "", task.key)


def stale_leases(store: Store, _workspace: Workspace) -> Iterator[Found]:
    for lease in leases.all_leases(store.location.private):
        if not lease.live():
            message = f"{lease.holder}'s lease on task {number_of(lease.task)} is over: its process is gone"
            yield _found(
                "lease", message, "remove it; the task goes on at the next run", _releaser(store, lease.task)
            )


def _releaser(store: Store, task: str) -> Callable[[], None]:
    return lambda: leases.release(store.location.private, task)


def worktrees(store: Store, workspace: Workspace) -> Iterator[Found]:
    """Agents that are alive keep theirs for the next task; without them there should be none."""
    if anybody(store.location.private):
        return
    for name in workspace.pool.unused():
        path = workspace.pool.folder / name
        yield _found("worktree", f"{path} is left over", "remove it", workspace.pool.dispose)
        for pid in inhabitants(path):
            yield _found("process", f"process {pid} still runs in {path}")


def git_locks(store: Store, workspace: Workspace) -> Iterator[Found]:
    """A killed git's lock on a branch of ours makes every later update of it fail."""
    refs = workspace.repository.git_dir / "refs"
    for path in sorted([*refs.glob("heads/refactory/**/*.lock"), *refs.glob("refactory/**/*.lock")]):
        yield _found("git-lock", f"{path} is left over from a killed git", "remove it", path.unlink)


def _readable_records(store: Store, only: type[Record] | None = None) -> Iterator[Record]:
    for kind in KINDS if only is None else (only,):
        for key in store.keys(kind):
            try:
                record = store.find(kind, key)
            except RefactoryError:
                continue
            if record is not None:
                yield record


CHECKS = (
    journal,
    readable,
    stray_files,
    numbers,
    references,
    commits,
    stale_leases,
    worktrees,
    git_locks,
)


def _found(check: str, message: str, fix: str = "", mend: Callable[[], None] | None = None) -> Found:
    return Found(Problem(check=check, message=message, fix=fix), mend)
