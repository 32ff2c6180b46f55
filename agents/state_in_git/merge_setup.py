"""Makes `refactory state:merge` the driver that git asks when both sides changed a record (gitattributes(5))."""

from __future__ import annotations

import shlex
import subprocess
import sys

from agents.git.lock import git_locked, lock_of
from agents.workers.crew import program
from state.errors import RefactoryError
from state.location import Location

# Git has `union` built in: where two writers went on with one log, both are kept whole, in every clone.
ATTRIBUTES = """\
# Written by `refactory init`: byte for byte as they are, and merged by field where this clone has the driver.
* -text
*/*.yaml merge=refactory
audit/*.jsonl merge=union
"""


def install(location: Location) -> None:
    """The attributes are committed, the command is this clone's own. Without it git merges records by lines."""
    attributes = location.records / ".gitattributes"
    if not attributes.exists():
        attributes.write_text(ATTRIBUTES, encoding="utf-8")
    # Not by agents.git.repository, whose import takes longer than all of `init`: this runs nothing that a tree names.
    args = ["git", f"--git-dir={location.git_dir}", "config", "merge.refactory.driver", _command()]
    with git_locked(lock_of(location.private), "git config", location.git_dir):
        done = subprocess.run(args, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise RefactoryError(f"git config: {done.stderr.strip()}", "the merge driver is not set up")


def _command() -> str:
    """Where it can't run (moved, removed, its Python broken) it leaves no markers, and git merges by lines."""
    ours = shlex.join([sys.executable, str(program())]).replace("%", "%%")
    by_lines = "git merge-file -L ours -L base -L theirs %A %O %B"
    return f"{ours} state:merge %O %A %B %P || {{ ! grep -q '^<<<<<<<' %A && {by_lines}; }}"
