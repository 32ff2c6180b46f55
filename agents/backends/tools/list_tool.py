"""Lists the files of the worktree."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from agents.backends import tools
from agents.tasks.attempt import Job
from agents.worktrees.file_tree import walk

DESCRIPTION = "List files of the repository, one path a line."
_MOST = 2000


class Arguments(tools.Arguments, frozen=True, kw_only=True):
    glob: Annotated[str, Meta(description="Only paths that match, such as src/*.py; * matches / too.")] = "*"


def use(job: Job, arguments: Arguments) -> str:
    found = [path for path in paths(job.worktree.path) if fnmatchcase(path, arguments.glob)]
    more = [f"({len(found) - _MOST} more)"] if len(found) > _MOST else []
    return "\n".join([*found[:_MOST], *more]) or "no file matches"


def paths(root: Path) -> Iterator[str]:
    """Sorted; symbolic links are not followed, and what git keeps for itself is not shown."""
    for folder, folders, files in walk(root):
        folders[:] = sorted(name for name in folders if name not in (".git", "node_modules", "__pycache__"))
        for name in sorted(files):
            path = Path(folder, name)
            if name != ".git" and path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix()
