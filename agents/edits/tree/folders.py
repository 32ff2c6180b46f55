"""Ways through a work tree that an agent may have prepared: step by step, so that no symbolic link is followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agents.edits.changes import EditRefused

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MOST = 2**28  # bytes of a file; a sparse one may claim more than there is memory
_IN_THE_WAY = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR, errno.ENXIO, errno.EISDIR, errno.EEXIST)


@contextmanager
def parent(root: Path, path: str, create: bool = False) -> Iterator[tuple[int, str]]:
    """The folder of a path, opened, and the name in it. Refuses what lies in another repository."""
    *parts, name = path.split("/")
    folder = os.open(root, FOLDER & ~os.O_NOFOLLOW)
    try:
        for depth, part in enumerate(parts, 1):
            if create:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
            folder, above = os.open(part, FOLDER, dir_fd=folder), folder
            os.close(above)
            if exists(".git", folder):
                where = "/".join(parts[:depth])
                raise EditRefused(f"{path}: {where} is a repository of its own, or a submodule")
        yield folder, name
    finally:
        os.close(folder)


def exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def read(root: Path, path: str) -> bytes | None:
    """A regular file's content; None if there is nothing of that name."""
    with suppress(FileNotFoundError), parent(root, path) as (folder, name):
        file = os.open(name, FILE, dir_fd=folder)
        with os.fdopen(file, "rb") as stream:
            found = os.fstat(file)
            require_regular(found, path)
            if found.st_size > _MOST:
                raise EditRefused(f"{path}: has {found.st_size} bytes, too many to be read here")
            return stream.read()
    return None


def remove_empty(root: Path, path: str) -> None:
    with suppress(OSError), parent(root, path) as (folder, name):
        os.rmdir(name, dir_fd=folder)


def require_regular(found: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise EditRefused(f"{path}: is no regular file")


@contextmanager
def refusing(path: str) -> Iterator[None]:
    """Links and odd files on the way are a refusal, not a crash."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as problem:
        if problem.errno in _IN_THE_WAY:
            what = "a symbolic link or something else that is no regular file is in the way"
            raise EditRefused(f"{path}: {what}") from problem
        raise
