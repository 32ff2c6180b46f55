"""Reads and writes a work tree that an agent may have prepared: never through a symbolic link, all or nothing."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from agents.edits.changes import EXECUTABLE, Applied, Change, EditRefused, Reader
from agents.edits.paths import refuse_reason

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def read_from(root: Path) -> Reader:
    """A reader of regular files below root; None for what isn't there."""

    def read(path: str) -> bytes | None:
        with _refusing(path), suppress(FileNotFoundError), _parent(root, path) as (folder, name):
            file = os.open(name, FILE, dir_fd=folder)
            with os.fdopen(file, "rb") as stream:
                _require_regular(os.fstat(file), path)
                return stream.read()
        return None

    return read


def write(applied: Applied, root: Path) -> None:
    """Makes the tree what was applied; if anything fails, the tree is as it was and the error is raised."""
    for path in applied.files:
        if reason := refuse_reason(path):
            raise EditRefused(f"{path!r}: {reason}")
    with ExitStack() as undo:
        aside = Path(tempfile.mkdtemp(prefix=".edit-", dir=root))
        undo.callback(shutil.rmtree, aside, ignore_errors=True)
        with ExitStack() as rollback:
            tree = _Tree(root, aside, rollback.callback)
            modes = {}
            for path, data in applied.before.items():
                _require_same(root, path, data)
            for path, change in applied.files.items():
                with _refusing(path):
                    modes[path] = tree.mode(path, change)
            for path, change in applied.files.items():
                with _refusing(path):
                    tree.move_aside(path, applied.before.get(path), gone=change.content is None)
            for path, change in applied.files.items():
                if change.content is not None:
                    with _refusing(path):
                        tree.put(path, change.content, change.mode == EXECUTABLE, modes[path])
            rollback.pop_all()


class _Tree:
    def __init__(self, root: Path, aside: Path, on_failure: Callable[..., object]) -> None:
        self.root = root
        self.aside = aside
        self.on_failure = on_failure
        self.names = map(str, range(1 << 30))

    def mode(self, path: str, change: Change) -> int | None:
        """The permissions for a path: those of the file it was, with the executable bit as asked for."""
        try:
            with _parent(self.root, change.source or path) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o777
        except (FileNotFoundError, NotADirectoryError):
            return None
        if change.mode is None:
            return found
        return found | (found & 0o444) >> 2 if change.mode == EXECUTABLE else found & ~0o111

    def move_aside(self, path: str, was: bytes | None, gone: bool) -> None:
        try:
            with _parent(self.root, path) as (folder, name):
                _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), path)
                backup = self.aside / next(self.names)
                self.on_failure(
                    self._back, backup, path
                )  # first: a signal may end us right behind the rename
                os.rename(name, backup, src_dir_fd=folder)
            if was is not None and backup.read_bytes() != was:  # since we looked
                raise EditRefused(f"{path}: was changed while the answer was applied")
        except (FileNotFoundError, NotADirectoryError):
            if gone:
                raise EditRefused(f"{path}: no such file") from None
            return
        if gone:
            self._prune(path)

    def _back(self, backup: Path, path: str) -> None:
        if not backup.exists():
            return
        with _parent(self.root, path, create=lambda *_: None) as (folder, name):
            os.rename(backup, name, dst_dir_fd=folder)

    def _prune(self, path: str) -> None:
        """Folders that became empty go too, as with git."""
        for parent in Path(path).parents[:-1]:
            try:
                with _parent(self.root, str(parent)) as (folder, name):
                    os.rmdir(name, dir_fd=folder)
            except OSError:
                return

    def put(self, path: str, content: bytes, executable: bool, mode: int | None) -> None:
        fresh = self.aside / next(self.names)
        with os.fdopen(os.open(fresh, NEW, 0o777 if executable else 0o666), "wb") as file:
            file.write(content)
        if mode is not None:
            fresh.chmod(mode)
        with _parent(self.root, path, create=self.on_failure) as (folder, name):
            os.rename(fresh, name, dst_dir_fd=folder)
            self.on_failure(self._remove, path)

    def _remove(self, path: str) -> None:
        with _parent(self.root, path) as (folder, name):
            os.unlink(name, dir_fd=folder)


@contextmanager
def _parent(root: Path, path: str, create: Callable[..., object] | None = None) -> Iterator[tuple[int, str]]:
    """The folder of a path, opened step by step so that no link is followed, and the name in it."""
    *parts, name = path.split("/")
    folder = os.open(root, FOLDER & ~os.O_NOFOLLOW)
    try:
        for depth, part in enumerate(parts, 1):
            if create is not None:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                    create(_remove_empty, root, "/".join(parts[:depth]))
            folder, above = os.open(part, FOLDER, dir_fd=folder), folder
            os.close(above)
        yield folder, name
    finally:
        os.close(folder)


def _remove_empty(root: Path, path: str) -> None:
    with suppress(OSError), _parent(root, path) as (folder, name):
        os.rmdir(name, dir_fd=folder)


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Links and odd files on the way are a refusal, not a crash."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as problem:
        if problem.errno in (
            errno.ELOOP,
            errno.EMLINK,
            errno.ENOTDIR,
            errno.ENXIO,
            errno.EISDIR,
            errno.EEXIST,
        ):
            what = "a symbolic link or something else that is no regular file is in the way"
            raise EditRefused(f"{path}: {what}") from problem
        raise


def _require_same(root: Path, path: str, data: bytes | None) -> None:
    """Somebody else may have written meanwhile: what was placed in another text must not be put over that."""
    if read_from(root)(path) != data:
        raise EditRefused(f"{path}: was changed while the answer was applied")


def _require_regular(found: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise EditRefused(f"{path}: is no regular file")
