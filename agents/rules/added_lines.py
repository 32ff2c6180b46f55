"""What a task added and removed, line by line, with the new file's line numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.edits.formats.diff_names import NOTHING, plain_name
from agents.git.repository import Repository

# A diff that looks the same whatever the user has configured, or a `.gitmodules` says.
PLAIN = (
    *("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=none"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class Line:
    path: str
    number: int
    text: str


@dataclass(frozen=True)
class Delta:
    added: tuple[Line, ...]
    removed: tuple[Line, ...]


def delta(git: Repository, old: str, new: str) -> Delta:
    """Textual changes only; binary files have no lines."""
    out = git.run("diff-tree", "-r", "-p", "--unified=0", *PLAIN, old, new)
    added: list[Line] = []
    removed: list[Line] = []
    path, number, in_hunk = "", 0, False
    for line in (line.removesuffix("\r") for line in out.split("\n")):
        if line.startswith("diff --git "):
            in_hunk = False
        elif not in_hunk and line.startswith(("--- ", "+++ ")):
            name = plain_name(line[4:].removesuffix("\t"))
            path = name[2:] if name != NOTHING else path
        elif found := _HUNK.match(line):
            number, in_hunk = int(found[1]), True
        elif in_hunk and line.startswith("+"):
            added.append(Line(path, number, line[1:]))
            number += 1
        elif in_hunk and line.startswith("-"):
            removed.append(Line(path, number, line[1:]))
    return Delta(tuple(added), tuple(removed))
