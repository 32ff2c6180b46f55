"""Several files changed as one: a redo journal, made durable before the first file is touched.

After a crash at any point the next command finds the journal and finishes, or finds none and nothing was
changed. Order: journal (write, fsync, rename, fsync of its folder), then each file (write beside, fsync,
rename), then the folders, then the journal goes.

All worktrees of a clone share one journal, so it says to which of them its changes belong. It says so from its
own folder, and in bytes: a repository may be moved or copied, and its path need not be UTF-8.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from state.errors import RefactoryError


class Append(msgspec.Struct, frozen=True):
    """Bytes that belong at `offset` of a log; writing them twice changes nothing."""

    offset: int
    text: str


class Changes(msgspec.Struct, frozen=True):
    """Paths are relative to the folder given to `commit`; `private`: files beside the journal. None removes one."""

    writes: dict[str, str | None]
    appends: dict[str, Append]
    private: dict[str, str] = {}


class _Journal(msgspec.Struct, frozen=True):
    root: bytes
    changes: Changes


def commit(journal: Path, root: Path, changes: Changes) -> None:
    begin(journal, root, changes)
    _carry_out(journal, root, changes)


def begin(journal: Path, root: Path, changes: Changes) -> None:
    """The commit point: from here on the changes will be made, by us or by who comes next."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    way = os.path.relpath(root.resolve(), journal.parent.resolve())
    _replace(journal, msgspec.json.encode(_Journal(os.fsencode(way), changes)))
    _sync_folder(journal.parent)


def recover(journal: Path) -> bool:
    """Finish what a killed process began. True if there was something to finish. Call under the lock."""
    try:
        data = journal.read_bytes()
    except FileNotFoundError:
        return False
    found = msgspec.json.decode(data, type=_Journal)
    root = Path(os.path.normpath(journal.parent.resolve() / os.fsdecode(found.root)))
    if not root.is_dir():
        raise _set_aside(journal, root)
    _carry_out(journal, root, found.changes)
    return True


def _set_aside(journal: Path, root: Path) -> RefactoryError:
    aside = journal.with_name(f"journal.{time.time_ns()}")
    journal.rename(aside)
    return RefactoryError(
        f"{root}: is gone, and a killed command had not finished writing there",
        f"what it was to write is kept in {aside}; run your command again, it will work",
    )


def _carry_out(journal: Path, root: Path, changes: Changes) -> None:
    folders = set()
    for name, text in changes.writes.items():
        path = root / name
        folders.add(path.parent)
        if text is None:
            path.unlink(missing_ok=True)
        else:
            _replace(path, text.encode())
    for name, append in changes.appends.items():
        folders.add((root / name).parent)
        _append(root / name, append)
    for name, text in changes.private.items():
        _replace(journal.parent / name, text.encode())
    for folder in folders:
        _sync_folder(folder)
    journal.unlink(missing_ok=True)
    # Without this a power cut could bring the journal back, and undo what a later `git checkout` did.
    _sync_folder(journal.parent)


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(path)


def _append(path: Path, append: Append) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.lseek(descriptor, append.offset, os.SEEK_SET)
        _write_all(descriptor, append.text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
