"""Walks and removes folders that somebody else has filled: deeper than Python's stack and any path, for all we know."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def walk(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """As os.walk, which calls itself for each level (before Python 3.12); links to folders are among the files.

    Names taken from the folders are passed over; so is what can't be read, or lies deeper than a path can be long.
    """
    waiting = [str(top)]
    while waiting:
        parent = waiting.pop()
        folders: list[str] = []
        files: list[str] = []
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
        yield parent, folders, files
        waiting += (f"{parent}/{name}" for name in reversed(folders))


def remove(path: Path) -> None:
    """A file, a link or a folder, as far as it can be removed."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            path.unlink()
        return
    with suppress(RecursionError):
        shutil.rmtree(path, ignore_errors=True)
    if path.is_dir():
        _make_removable(path)
        # rm(1) goes from folder to folder, so no path is too long for it.
        subprocess.run(["rm", "-rf", "--", path], stderr=subprocess.DEVNULL, check=False)


def _make_removable(folder: Path) -> None:
    """A build that took away its folders' permissions must not keep them from being removed."""
    with suppress(OSError):
        folder.chmod(0o700)
    for parent, names, _ in walk(folder):
        for name in names:
            with suppress(OSError):
                os.chmod(f"{parent}/{name}", 0o700)  # noqa: PTH101
