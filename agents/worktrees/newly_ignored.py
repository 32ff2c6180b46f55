"""What a task's own change of a `.gitignore` hides: dependencies and build output mostly, but it may be work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from agents.git.diff import Changed
from agents.git.path_text import shown
from agents.git.repository import Repository
from agents.worktrees.file_tree import walk
from agents.worktrees.state_tree import is_state

_MOST_BYTES = 10 * 2**20  # above it is no work of an agent's, but dependencies
_MOST_FILES = 1000
_MOST_SHOWN = 50


def newly_ignored(git: Repository, commit: str, changed: Iterable[Changed]) -> list[str]:
    """Paths (folders end in `/`) that only rules hide which the commit does not have."""
    sources = {change.path for change in changed if change.path.rpartition("/")[2] == ".gitignore"}
    if not sources:
        return []
    listing = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    hidden = git.raw(*listing)
    if not hidden:
        return []
    fields = git.raw("check-ignore", "-z", "--verbose", "--stdin", input=hidden).split(b"\0")
    before = {source: (git.blob(commit, source) or b"").splitlines() for source in sources}
    rules = zip(fields[::4], fields[2::4], fields[3::4], strict=False)
    return [
        os.fsdecode(path)
        for source, pattern, path in rules
        if os.fsdecode(source) in before
        and pattern not in before[os.fsdecode(source)]
        and not is_state(os.fsdecode(path))
    ]


def tree_with(git: Repository, folder: Path, tree: str, paths: Iterable[str]) -> str | None:
    """`tree` and these files, too; None if they are too many or too large to be kept."""
    paths = list(paths)
    sizes = [size for path in paths for size in _sizes(folder / path)]
    if not sizes or len(sizes) > _MOST_FILES or sum(sizes) > _MOST_BYTES:
        return None
    specs = b"".join(os.fsencode(f":(top,literal){path}\0") for path in paths)
    status, _, _ = git.attempt("add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul", input=specs)
    kept = None if status else git.run("write-tree")
    git.run("read-tree", tree)
    return kept


def for_record(paths: Iterable[str]) -> list[str]:
    """For a record: printable, and not too many."""
    found = [shown(path) for path in paths]
    more = [f"and {len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else []
    return [*found[:_MOST_SHOWN], *more]


def _sizes(path: Path) -> Iterator[int]:
    """Of a file or of all files in a folder; what its program removes meanwhile counts as nothing."""
    files = [path] if path.is_symlink() or not path.is_dir() else _files(path)
    for file in files:
        with suppress(OSError):
            yield file.lstat().st_size


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in walk(folder):
        yield from (Path(parent, name) for name in names)
