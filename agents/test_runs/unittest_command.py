"""`python3 -m unittest discover` for a repository's layout: it finds nothing unless its folders are right."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

ROOT = PurePosixPath(".")


def unittest_commands(files: Iterable[str], names: Collection[str]) -> list[str]:
    """What runs the test files `files` of a tree of `names`, one discovery for each root of imports."""
    groups: dict[tuple[PurePosixPath, str], list[PurePosixPath]] = {}
    for file in sorted(files):
        path = PurePosixPath(file)
        pattern = "test*.py" if path.name.startswith("test") else "*_test.py"
        groups.setdefault((_import_root(path.parent, names), pattern), []).append(path.parent)
    return [_discover(root, pattern, folders) for (root, pattern), folders in groups.items()]


def _import_root(folder: PurePosixPath, names: Collection[str]) -> PurePosixPath:
    """The nearest folder that is no package."""
    while folder != ROOT and str(folder / "__init__.py") in names:
        folder = folder.parent
    return folder


def _discover(root: PurePosixPath, pattern: str, folders: list[PurePosixPath]) -> str:
    start = folders[0]
    while not all(folder.is_relative_to(start) for folder in folders):
        start = start.parent
    options = [] if start == ROOT else ["-s", str(start)]
    options += [] if start == root else ["-t", str(root)]
    options += [] if pattern == "test*.py" else ["-p", pattern]
    return shlex.join(["python3", "-m", "unittest", "discover", *options])
