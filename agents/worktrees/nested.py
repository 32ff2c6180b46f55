"""What `git add --all` leaves out: files of repositories made inside, and of ignore files that hide themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from agents.git.diff import Changed
from agents.git.repository import Repository
from agents.worktrees.file_tree import remove, walk

_GITLINK = "160000"


def new_gitlinks(changed: Iterable[Changed]) -> list[str]:
    """Folders that became repositories of their own; of those git keeps an id only, and no file."""
    return [new.path for new in changed if new.new_mode == _GITLINK and new.old_mode != _GITLINK]


def dissolve_repositories(git: Repository, folder: Path, commit: str) -> bool:
    """Remove the git folders of repositories made in `folder`, submodules of `commit` left alone."""
    found = list(_repositories(folder, set(_submodules(git, commit))))
    for path in found:
        remove(path)
    return bool(found)


def _submodules(git: Repository, commit: str) -> Iterator[str]:
    for line in git.raw("ls-tree", "-r", "-z", commit).split(b"\0"):
        if line.startswith(_GITLINK.encode()):
            yield os.fsdecode(line.partition(b"\t")[2])


def _repositories(folder: Path, submodules: set[str]) -> Iterator[Path]:
    for parent, folders, files in walk(folder):
        here = Path(parent).relative_to(folder)
        if here.parts and ".git" in {*folders, *files}:
            yield Path(parent, ".git")
        folders[:] = [name for name in folders if name != ".git" and str(here / name) not in submodules]


def self_hidden(git: Repository, commit: str) -> list[str]:
    """What is ignored only by a `.gitignore` that ignores itself, too: nobody would ever see that rule.

    Caches and virtual environments do so in folders of their own; in the commit's folders it hides work.
    """
    listing = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    ignored = [path for path in git.raw(*listing).split(b"\0") if path]
    hiding = {path for path in ignored if _is_hiding(git, commit, PurePosixPath(os.fsdecode(path)))}
    if not hiding:
        return []
    paths = b"".join(path + b"\0" for path in ignored)
    fields = git.raw("check-ignore", "-z", "--verbose", "--stdin", input=paths).split(b"\0")
    rules = zip(fields[::4], fields[3::4], strict=False)
    return [os.fsdecode(path) for source, path in rules if source in hiding and path not in hiding]


def _is_hiding(git: Repository, commit: str, path: PurePosixPath) -> bool:
    if path.name != ".gitignore":
        return False
    folder = "" if path.parent == PurePosixPath() else str(path.parent)
    return git.attempt("cat-file", "-e", f"{commit}:{folder}")[0] == 0
