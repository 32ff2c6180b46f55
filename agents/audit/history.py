"""What git holds of the audit logs: each committed version must be the beginning of what is there now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agents.git.blob_id import blob_id
from agents.git.path_text import shown
from agents.git.repository import Repository
from state.audit_chain import Anchor, Log, checked

FOLDER = ".refactory/audit/"
Versions = dict[str, dict[str, str]]  # file name -> blob -> a commit that has it


def versions(git: Repository, *revisions: str) -> Versions:
    """Every version of every log in the history of these revisions, on both sides of merges."""
    path = f":(top,literal){FOLDER.rstrip('/')}"
    commits = git.raw("rev-list", "--full-history", *revisions, "--", path)
    if not commits:
        return {}
    out = git.raw(
        "diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "--no-renames", "-z", "--", path, input=commits
    )
    found: Versions = {}
    fields = iter(out.decode("utf-8", "surrogateescape").split("\0"))
    commit = ""
    for field in fields:
        if not field.startswith(":"):
            commit = field.strip() or commit
            continue
        blob, status, name = field.split()[3], field.split()[4], next(fields)
        if status != "D" and name.startswith(FOLDER):
            found.setdefault(name.removeprefix(FOLDER), {}).setdefault(blob, commit)
    return found


def lost_versions(
    git: Repository, logs: Mapping[str, Log], committed: Versions
) -> Iterator[tuple[str, Log, str]]:
    """Of each file the longest committed version that is not the beginning of the present one, and its commit."""
    sizes = _sizes(git, [blob for blobs in committed.values() for blob in blobs])
    for name, blobs in committed.items():
        present = logs[name].data if name in logs else b""
        for blob in sorted(blobs, key=lambda blob: sizes.get(blob, 0), reverse=True):
            if blob in sizes and not _is_beginning(present, blob, sizes[blob]):
                log = checked(name, git.raw("cat-file", "blob", blob))
                if not log.faults and log.data:  # a damaged version, mended since, is no loss
                    yield name, log, blobs[blob]
                    break


def _sizes(git: Repository, blobs: list[str]) -> dict[str, int]:
    if not blobs:
        return {}
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    rows = [row.split() for row in git.run("cat-file", "--batch-check", input=asked).splitlines()]
    return {row[0]: int(row[2]) for row in rows if len(row) == 3 and row[1] == "blob"}


def _is_beginning(data: bytes, blob: str, size: int) -> bool:
    """By git's own id, so that not every version has to be read."""
    return size <= len(data) and blob_id(memoryview(data)[:size], like=blob) == blob


def elsewhere(git: Repository, root: Path, anchor: Anchor, everywhere: Versions) -> tuple[str, Log] | None:
    """Where the lines are that are not here: on another branch, in a stash, in another worktree."""
    for folder in _worktrees(git):
        path = folder / FOLDER / anchor.name
        if folder != root and path.is_file():
            log = checked(anchor.name, path.read_bytes())
            if not log.faults and log.has(anchor.head):
                return f"the worktree {shown(str(folder))}", log
    for blob, commit in everywhere.get(anchor.name, {}).items():
        log = checked(anchor.name, git.raw("cat-file", "blob", blob))
        if not log.faults and log.has(anchor.head):
            return _named(git, commit), log
    return None


def _worktrees(git: Repository) -> list[Path]:
    out = git.raw("worktree", "list", "--porcelain", "-z").decode("utf-8", "surrogateescape")
    return [Path(line.removeprefix("worktree ")) for line in out.split("\0") if line.startswith("worktree ")]


def _named(git: Repository, commit: str) -> str:
    """`refactory/plans/...`, `stash`: a short ref that holds the commit, and the commit."""
    ref = git.run("for-each-ref", "--count=1", "--format=%(refname:short)", f"--contains={commit}")
    return f"{ref or 'HEAD'} ({commit[:12]})"
