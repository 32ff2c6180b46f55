"""Commits `.refactory/` alone, by plumbing with an index of its own: no hook runs, nothing else is staged or read.

The user's index is not what is committed, and no entry outside `.refactory/` changes in it. The entries of just the
committed files follow, as with `git commit -- PATHS`: an index that still had the old ones would make the user's
next commit take the records back (docs/decisions/0009). They follow first, so that a kill in between leaves the
records staged, never reverted.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from agents.git.lock import clear_killed, git_locked, lock_of
from agents.git.repository import GitError, Repository
from agents.git.user_index import change_entries, forget_killed
from agents.state_in_git.snapshot import Snapshot, snapshot
from state.errors import Conflict, UsageError
from state.location import Location
from state.lock import locked
from state.store import Store

_TRIES = 5
_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "BISECT_LOG": "bisect",
}


class StateCommit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`commit` is None where there was nothing to commit, or nothing was to be done. `branch`: None if detached."""

    commit: str | None = None
    branch: str | None = None
    message: str = ""
    added: list[str] = []
    changed: list[str] = []
    removed: list[str] = []
    ignored: int = 0


def commit_state(store: Store, message: str | None, dry_run: bool = False) -> StateCommit:
    """On the branch that is checked out. Raises Conflict in the middle of a merge or a rebase."""
    if message is not None and not message.strip():
        raise UsageError("the commit message is empty")
    folder = store.location.private / "commit"
    with locked(store.location.private / "commit-lock", "state:commit"):
        forget_killed(store.location.own_git_dir, folder)
        clear_killed(lock_of(store.location.private))
        try:
            for _ in range(_TRIES):
                made = _attempt(store, folder, message, dry_run)
                if made:
                    return made
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    raise Conflict("the branch moved again and again while its records were committed", "try again")


def _attempt(store: Store, folder: Path, message: str | None, dry_run: bool) -> StateCommit | None:
    """None: the branch has moved meanwhile."""
    location = store.location
    _refuse_unfinished(location)
    git = Repository(location.own_git_dir, location.root)
    head = git.resolve("HEAD")
    found = snapshot(store, git, head)
    planned = _described(found, _branch(git), message)
    if dry_run or not found.differs:
        return planned if dry_run else msgspec.structs.replace(planned, message="")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries = _entries(found, git, folder)
    tree = _tree(Repository(location.own_git_dir, location.root, folder / "index"), head, entries)
    commit = git.commit_tree(tree, [head] if head else [], planned.message.rstrip("\n") + "\n")
    with git_locked(lock_of(location.private), "state:commit", location.git_dir, location.own_git_dir):
        change_entries(git, folder, entries)
        moved = _move(git, head, commit, planned.message)
    return msgspec.structs.replace(planned, commit=commit) if moved else None


def _refuse_unfinished(location: Location) -> None:
    for name, what in _UNFINISHED.items():
        if (location.own_git_dir / name).exists():
            raise Conflict(f"a {what} is in progress", f"finish it (or `git {what} --abort`), then commit")


def _branch(git: Repository) -> str | None:
    status, out, _ = git.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
    return None if status else out.decode("utf-8", "surrogateescape").strip()


def _described(found: Snapshot, branch: str | None, message: str | None) -> StateCommit:
    added = sorted(path for path in found.contents if path not in found.before)
    changed = sorted(path for path in found.contents if path in found.before)
    return StateCommit(
        branch=branch,
        message=message or _subject(added, changed, sorted(found.removed)),
        added=added,
        changed=changed,
        removed=sorted(found.removed),
        ignored=found.ignored,
    )


def _subject(added: list[str], changed: list[str], removed: list[str]) -> str:
    counts = {"added": len(added), "changed": len(changed), "removed": len(removed)}
    return "refactory: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _entries(found: Snapshot, git: Repository, folder: Path) -> bytes:
    """What update-index takes (git-update-index(1), `--index-info`). Contents are written as they are, unfiltered."""
    paths = list(found.contents)
    for number, path in enumerate(paths):
        (folder / str(number)).write_bytes(found.contents[path])
    names = "".join(f"{folder / str(number)}\n" for number in range(len(paths)))
    args = ("hash-object", "-w", "--no-filters", "--stdin-paths")
    blobs = git.run(*args, input=names.encode("utf-8", "surrogateescape")).split() if paths else []
    modes = [found.before[path][0] if path in found.before else "100644" for path in paths]
    lines = [f"{mode} {blob}\t{path}\0" for mode, blob, path in zip(modes, blobs, paths, strict=True)]
    lines += [f"0 {'0' * 40}\t{path}\0" for path in found.removed]
    return "".join(lines).encode("utf-8", "surrogateescape")


def _tree(private: Repository, head: str | None, entries: bytes) -> str:
    private.run("read-tree", head) if head else private.run("read-tree", "--empty")
    private.run("update-index", "--replace", "-z", "--index-info", input=entries)
    return private.run("write-tree")


def _move(git: Repository, head: str | None, commit: str, message: str) -> bool:
    """Only if HEAD still is what was read (all zeros: it does not exist)."""
    subject = message.strip().splitlines()[0]
    args = ("update-ref", "-m", f"commit: {subject}", "HEAD", commit, head or "0" * len(commit))
    status, _, err = git.attempt(*args)
    if status and git.resolve("HEAD") == head:
        raise GitError(args, status, err)
    return status == 0
