"""What `.refactory/` holds at one moment, between two transactions, against what is committed of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from agents.git.blob_id import blob_id
from agents.git.repository import Repository
from agents.worktrees.state_tree import STATE_FOLDER
from state.canonical import load
from state.errors import UsageError
from state.files import is_half_written
from state.record_files import decode
from state.records import BY_FOLDER
from state.store import Store

_REGULAR = ("100644", "100755")
_LARGEST = 16 * 1024 * 1024  # far more than any record or log has


@dataclass(frozen=True)
class Snapshot:
    """`contents` of the files that are new or differ; `before`: mode and blob of each committed file."""

    contents: dict[str, bytes]
    removed: set[str]
    before: dict[str, tuple[str, str]]
    ignored: int = 0

    @property
    def differs(self) -> bool:
        return bool(self.contents or self.removed)


def snapshot(store: Store, git: Repository, head: str | None) -> Snapshot:
    """Raises InvalidFile for a file that nobody could read: a record with conflict markers in it."""
    if store.location.records.is_symlink():
        raise UsageError(f"{STATE_FOLDER} is a symbolic link: what it holds is not in this repository")
    before = _committed(git, head) if head else {}
    contents: dict[str, bytes] = {}
    present: set[str] = set()
    with store.lock("state:commit"):
        for path, data in _files(os.fspath(store.location.records), STATE_FOLDER):
            present.add(path)
            if before.get(path, ("", ""))[1] != blob_id(data, like=head or ""):
                contents[path] = data
    ignored = _ignored(git, [path for path in contents if path not in before])
    contents = {path: data for path, data in contents.items() if path not in ignored}
    for path, data in contents.items():
        _check(path, data)
    return Snapshot(contents, _removed(git, set(before) - present), before, len(ignored))


def _committed(git: Repository, head: str) -> dict[str, tuple[str, str]]:
    """Regular files alone: what else somebody has put there stays as it is."""
    out = git.raw("ls-tree", "-r", "-z", "--full-tree", head, "--", STATE_FOLDER).decode(
        "utf-8", "surrogateescape"
    )
    found = {}
    for line in filter(None, out.split("\0")):
        about, _, path = line.partition("\t")
        mode, _, blob = about.split(" ")
        if mode in _REGULAR:
            found[path] = (mode, blob)
    return found


def _files(folder: str, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in os.scandir(folder):
        path = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name != ".git":
                yield from _files(entry.path, path)
        elif entry.is_file(follow_symlinks=False) and not is_half_written(entry.name):
            yield path, _content(entry.path, path)


def _content(file_path: str, path: str) -> bytes:
    with open(file_path, "rb") as file:  # noqa: PTH123 - a Path for each of 10,000 takes its time
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise UsageError(f"{path}: has more than {_LARGEST} bytes, and is none of ours", "move it elsewhere")
    return data


def _ignored(git: Repository, paths: list[str]) -> set[str]:
    """New files that the user told git to ignore."""
    if not paths:
        return set()
    asked = "\0".join(paths).encode("utf-8", "surrogateescape")
    _, out, _ = git.attempt("check-ignore", "-z", "--stdin", input=asked)
    return set(filter(None, out.decode("utf-8", "surrogateescape").split("\0")))


def _removed(git: Repository, missing: set[str]) -> set[str]:
    """Without what a sparse checkout leaves out."""
    if not missing:
        return set()
    listed = (
        git.raw("ls-files", "-t", "-z", "--", STATE_FOLDER).decode("utf-8", "surrogateescape").split("\0")
    )
    return missing - {line[2:] for line in listed if line.startswith("S ")}


def _check(path: str, data: bytes) -> None:
    file = PurePosixPath(path)
    if file.suffix != ".yaml":
        return
    kind = BY_FOLDER.get(file.parent.name)
    if kind:
        decode(kind, data, path, file.stem)
    else:
        load(data, path)
