"""Several files changed as one: a redo journal, made durable before the first file is touched.

After a crash at any point the next command finds the journal and finishes, or finds none and nothing was
changed. Order: journal (write, fsync, rename, fsync of its folder), then each file (write beside, fsync,
rename), then the folders, then the journal goes.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Append(msgspec.Struct, frozen=True):
    """Bytes that belong at `offset` of a log; writing them twice changes nothing."""

    offset: int
    text: str


class Changes(msgspec.Struct, frozen=True):
    """Paths are relative to the folder given to `commit`. None removes a file."""

    writes: dict[str, str | None]
    appends: dict[str, Append]


def commit(journal: Path, root: Path, changes: Changes) -> None:
    _replace(journal, msgspec.json.encode(changes))
    _sync_folder(journal.parent)
    _carry_out(journal, root, changes)


def recover(journal: Path, root: Path) -> bool:
    """Finish what a killed process began. True if there was something to finish. Call under the lock."""
    try:
        data = journal.read_bytes()
    except FileNotFoundError:
        return False
    _carry_out(journal, root, msgspec.json.decode(data, type=Changes))
    return True


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
