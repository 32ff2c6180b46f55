"""Reads and writes a work tree: never through a symbolic link, all or nothing, also when killed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex

from agents.edits.changes import EXECUTABLE, Applied, Change, EditRefused, Reader
from agents.edits.tree.folders import parent, read, refusing, require_regular
from agents.edits.tree.paths import refuse_reason
from agents.edits.tree.unfinished import Move, Unfinished, backup, clean, finish, fresh, hash_of, note, undo
from state.files import UNCHANGED, unwritable

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def read_from(root: Path) -> Reader:
    """A reader of regular files below root; None for what isn't there."""

    def reader(path: str) -> bytes | None:
        try:
            with refusing(path):
                return read(root, path)
        except OSError as error:
            raise EditRefused(f"{path}: can't be read: {error.strerror or error}") from None

    return reader


def is_stale(applied: Applied, root: Path) -> bool:
    """True if a file is no longer what it was when the answer was placed in it."""
    read_now = read_from(root)
    return any(read_now(path) != data for path, data in applied.before.items())


def write(applied: Applied, root: Path, journal: Path | None = None) -> None:
    """Makes the tree what was applied; if anything fails, the tree is as it was and the error is raised.

    With a `journal` the same holds for a kill: whoever comes next calls `mend`.
    """
    for path in applied.files:
        if reason := refuse_reason(path):
            raise EditRefused(f"{path!r}: {reason}")
    for path, data in applied.before.items():
        _require_same(root, path, data)
    try:
        begun = _begun(applied, root)
        _write_or_undo(applied, root, begun, journal)
    except OSError as error:
        raise unwritable(error, root, UNCHANGED) from None
    clean(journal, root / begun.aside)


def _write_or_undo(applied: Applied, root: Path, begun: Unfinished, journal: Path | None) -> None:
    try:
        if journal is not None:
            note(journal, begun)
        _write(applied, root, begun)
        if journal is not None:
            finish(journal)
    except BaseException:
        _back(begun, root, journal)
        raise


def _back(begun: Unfinished, root: Path, journal: Path | None) -> None:
    try:
        undo(begun, root)
        if journal is not None and not (root / begun.aside).exists():
            journal.unlink(missing_ok=True)
    except OSError as error:
        hint = "some files are changed and others are not: mend the cause, then `refactory doctor --fix`"
        raise unwritable(error, root, hint) from None


def _begun(applied: Applied, root: Path) -> Unfinished:
    moves = [
        Move(os.fsencode(path), _is_there(root, path), None if new.content is None else hash_of(new.content))
        for path, new in applied.files.items()
    ]
    new = [path for path, change in applied.files.items() if change.content is not None]
    return Unfinished(f".edit-{token_hex(8)}", tuple(moves), tuple(_missing_folders(root, new)))


def _is_there(root: Path, path: str) -> bool:
    return os.path.lexists(root / path)


def _missing_folders(root: Path, paths: Iterable[str]) -> list[bytes]:
    """Those above come first. What is a file yet becomes one, too."""
    above = {str(folder): None for path in paths for folder in reversed(Path(path).parents[:-1])}
    return [os.fsencode(folder) for folder in above if not (root / folder).is_dir()]


def _write(applied: Applied, root: Path, begun: Unfinished) -> None:
    aside = root / begun.aside
    aside.mkdir()
    files = list(enumerate(applied.files.items()))
    for number, (path, change) in files:
        if change.content is not None:
            _prepare(fresh(aside, number), change, _mode(root, path, change))
    for number, (path, change) in files:
        with refusing(path):
            _move_aside(root, path, backup(aside, number), change.content is None)
            _require_unchanged(backup(aside, number), path, applied)
    for number, (path, change) in files:
        if change.content is not None:
            with refusing(path), parent(root, path, create=True) as (folder, name):
                os.rename(fresh(aside, number), name, dst_dir_fd=folder)


def _prepare(file: Path, change: Change, mode: int | None) -> None:
    descriptor = os.open(file, NEW, 0o777 if change.mode == EXECUTABLE else 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(change.content or b"")
    if mode is not None:
        file.chmod(mode)


def _mode(root: Path, path: str, change: Change) -> int | None:
    """The permissions for a path: those of the file it was, with the executable bit as asked for."""
    try:
        with refusing(path), parent(root, change.source or path) as (folder, name):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o777
    except (FileNotFoundError, EditRefused):
        return None
    if change.mode is None:
        return found
    return found | (found & 0o444) >> 2 if change.mode == EXECUTABLE else found & ~0o111


def _move_aside(root: Path, path: str, to: Path, gone: bool) -> None:
    try:
        with parent(root, path) as (folder, name):
            require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), path)
            os.rename(name, to, src_dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        if gone:
            raise EditRefused(f"{path}: no such file") from None
        return
    if gone:
        _prune(root, path)


def _prune(root: Path, path: str) -> None:
    """Folders that became empty go too, as with git."""
    for above in Path(path).parents[:-1]:
        try:
            with parent(root, str(above)) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except OSError:
            return


def _require_unchanged(moved: Path, path: str, applied: Applied) -> None:
    was = applied.before.get(path)
    if was is not None and moved.exists() and moved.read_bytes() != was:  # since we looked
        raise EditRefused(f"{path}: was changed while the answer was applied")


def _require_same(root: Path, path: str, data: bytes | None) -> None:
    """Somebody else may have written meanwhile: what was placed in another text must not be put over that."""
    if read_from(root)(path) != data:
        raise EditRefused(f"{path}: was changed while the answer was applied")
