"""Whole files: the path, and below it the file as it shall be, in a fence. What weak models write best."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from agents.edits.changes import EditRefused, FileEdit
from agents.edits.formats import search_replace
from agents.edits.formats.answer_paths import path_in, path_in_info
from agents.edits.formats.mixed import BEGIN, SEARCH, mixed, refuse_another
from agents.edits.lines import FENCE, lines_of

INSTRUCTIONS = """\
Answer with each file that you change or add as a whole, in a fence, below its path from the root of the repository:

path/to/file.py
```
all lines of the file
```

- Write every line, changed or not: what you leave out is deleted. Never write "..." for lines that stay.
- If a file has lines that start with ```, take a longer fence, such as `````.
- A line `DELETE path/to/file.py` outside of all fences deletes a file.
"""

DIFF_START = re.compile(r"(diff --git |--- \S)")


def first_mark(answer: str) -> int | None:
    return next((at for at, _, _ in _openings(answer.split("\n"))), None)


def is_mark(line: str) -> bool:
    return FENCE.match(line) is not None


def parse(answer: str) -> list[FileEdit]:
    edits = list(_edits(lines_of(answer, is_mark)))
    if not edits:
        raise EditRefused(
            "the answer holds no whole file", "write its path, and below it a fence with all its lines"
        )
    return edits


def shown(lines: list[str]) -> set[str]:
    """The paths of all files in fences."""
    return {path for _, path, _ in _openings(lines)}


def _openings(lines: list[str], at: int = 0) -> Iterator[tuple[int, str, str]]:
    """The fences that hold a file: where, the path, the fence's mark."""
    while at < len(lines):
        if not (fence := FENCE.match(lines[at])):
            at += 1
            continue
        path = path_in_info(lines[at][fence.end() :]) or _path_above(lines, at)
        if path and not _is_other_format(lines, at + 1, path):
            yield at, path, fence[1]
        end = _close(lines, at + 1, fence[1])
        at = len(lines) if end is None else end + 1


def _path_above(lines: list[str], at: int) -> str | None:
    above = at - 1
    while above >= 0 and above >= at - 2 and not lines[above].strip():
        above -= 1
    path = path_in(lines[above]) if above >= 0 else None
    if path and not {".", "/"} & set(path) and above and lines[above - 1].strip():
        return None  # a single word in running text
    return path


def _is_other_format(lines: list[str], at: int, path: str) -> bool:
    first, second = (*lines[at : at + 2], "", "")[:2]
    if (fence := FENCE.match(first)) and first[fence.end() :].strip():
        first = second  # the path stood in a fence of its own
    if SEARCH.fullmatch(first) or first.strip() == BEGIN:
        return True
    return DIFF_START.match(first) is not None and not path.endswith((".diff", ".patch"))


def _close(lines: list[str], at: int, mark: str) -> int | None:
    """The line that closes a fence; a fence with an info string opens another one inside."""
    depth = 1
    while at < len(lines):
        if (fence := FENCE.match(lines[at])) and fence[1].startswith(mark):
            depth += 1 if lines[at][fence.end() :].strip() else -1
            if not depth:
                return at
        at += 1
    return None


def _edits(lines: list[str]) -> Iterator[FileEdit]:
    opened = {at: (path, mark) for at, path, mark in _openings(lines)}
    at = 0
    while at < len(lines):
        if fence := FENCE.match(lines[at]):
            end = _close(lines, at + 1, fence[1])
            if at in opened:
                path, mark = opened[at]
                if end is None:
                    raise EditRefused(f"{path}: its fence is never closed; the answer may have been cut off")
                _check_close(lines, end, path, mark, opened)
                yield _whole(path, lines[at + 1 : end])
            elif _is_other_format(lines, at + 1, ""):
                raise mixed()
            at = len(lines) if end is None else end
        elif gone := search_replace.deleted_path(lines[at]):
            yield FileEdit(gone, "delete")
        else:
            refuse_another(lines, at, "whole_file")
        at += 1


def _check_close(lines: list[str], end: int, path: str, mark: str, opened: Container[int]) -> None:
    """A file with bare fences of its own seems to end at the first of them: then another bare one follows."""
    for at in range(end + 1, len(lines)):
        if (fence := FENCE.match(lines[at])) and fence[1].startswith(mark):
            if at not in opened and not lines[at][fence.end() :].strip():
                raise EditRefused(
                    f"{path}: it can't be told where its fence ends: use a longer one, such as `````"
                )
            return


def _whole(path: str, lines: list[str]) -> FileEdit:
    return FileEdit(path, "write", content="".join(f"{line}\n" for line in lines))
