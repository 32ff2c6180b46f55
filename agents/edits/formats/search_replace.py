"""SEARCH/REPLACE blocks: a path, the lines as they are, the lines as they shall be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.edits.changes import EditRefused, FileEdit, Hunk
from agents.edits.difference import pieces
from agents.edits.formats.answer_paths import path_in, path_in_info
from agents.edits.formats.mixed import SEARCH, refuse_another
from agents.edits.lines import FENCE, lines_of

INSTRUCTIONS = """\
Answer with SEARCH/REPLACE blocks, each below the path of its file, from the root of the repository:

path/to/file.py
```
lines that take their place
lines as they stand in the file
```

- SEARCH holds whole lines, copied exactly, with their indentation. They must be found only once in the file:
  add unchanged lines above or below, in both parts, until they are. Blocks are applied in their order.
- A new file has an empty SEARCH. A line `DELETE path/to/file.py` outside of all blocks deletes a file.
- Leave nothing out by "...".
"""

DIVIDER = re.compile(r"={5,9}\s*")
REPLACE = re.compile(r">{5,9} ?(REPLACE|UPDATED)\s*")
GLUED = ">>>>>>> REPLACE"
DELETE = re.compile(r"DELETE[: ]+(`?)([^`\s](?:[^`]*[^`\s])?)\1")
NEAR = 4  # lines above a block in which its path may stand
MOST_READINGS = 20  # lines of equals signs in a block
STEPS = 50  # for each line of a block, to find what differs in it


def is_mark(line: str) -> bool:
    return SEARCH.fullmatch(line) is not None or REPLACE.fullmatch(line) is not None


def first_mark(answer: str) -> int | None:
    lines = answer.split("\n")
    starts = [at for at, line in enumerate(lines) if SEARCH.fullmatch(line)]
    return (
        starts[0]
        if starts and any(REPLACE.fullmatch(line) or DIVIDER.fullmatch(line) for line in lines)
        else None
    )


def parse(answer: str) -> list[FileEdit]:
    """One edit for each block: it is about the file as the blocks before it left it."""
    edits = list(_edits(lines_of(answer, is_mark)))
    if not edits:
        raise EditRefused("the answer holds no SEARCH/REPLACE block", "see the format's instructions")
    return edits


def _edits(lines: list[str]) -> Iterator[FileEdit]:
    at, path, outside = 0, None, True
    while at < len(lines):
        line = lines[at]
        if SEARCH.fullmatch(line):
            path = _path_above(lines, at) or path
            if path is None:
                raise EditRefused("a SEARCH block without a path: write the path of its file above it")
            end = _end(lines, at + 1, path)
            yield _edit(path, lines[at + 1 : end], lines[end])
            at = end
        elif FENCE.match(line):
            outside = not outside
        elif outside and (gone := deleted_path(line)):
            yield FileEdit(gone, "delete", in_turn=True)
        elif REPLACE.fullmatch(line):
            raise EditRefused("a REPLACE line without a SEARCH line above it")
        else:
            refuse_another(lines, at, "search_replace")
        at += 1


def deleted_path(line: str) -> str | None:
    found = DELETE.fullmatch(line.rstrip()) if line.startswith("DELETE") else None
    return found[2] if found and path_in(found[2]) else None


def _end(lines: list[str], at: int, path: str) -> int:
    """The block's REPLACE line; or the one that a last line without newline has at its end."""
    end = next((n for n in range(at, len(lines)) if is_mark(lines[n])), len(lines))
    if end < len(lines) and REPLACE.fullmatch(lines[end]):
        return end
    for n in range(at, end):
        if lines[n].endswith(GLUED):
            return n
    raise EditRefused(f"{path}: a SEARCH block has no REPLACE line; the answer may have been cut off")


def _path_above(lines: list[str], at: int) -> str | None:
    """The nearest line above that names a file, or a fence that does."""
    for line in reversed(lines[max(0, at - NEAR) : at]):
        if is_mark(line):
            return None
        if fence := FENCE.match(line):
            if found := path_in_info(line[fence.end() :]):
                return found
        elif line.strip():
            return path_in(line)
    return None


def _edit(path: str, block: list[str], end: str) -> FileEdit:
    """A line of equals signs may be the file's own: then several readings are possible."""
    dividers = [at for at, line in enumerate(block) if DIVIDER.fullmatch(line)]
    if not dividers:
        raise EditRefused(f"{path}: a block without a line ======= between SEARCH and REPLACE")
    exact = [at for at in dividers if len(block[at].strip()) == 7] or dividers
    if len(exact) > MOST_READINGS:
        raise EditRefused(f"{path}: {len(exact)} lines of ======= in a block: send smaller ones")
    last = [] if REPLACE.fullmatch(end) else [end.removesuffix(GLUED)]
    readings = tuple(_reading(path, block[:at], block[at + 1 :], last) for at in exact)
    return readings[0] if len(readings) == 1 else FileEdit(path, in_turn=True, readings=readings)


def _reading(path: str, search: list[str], replace: list[str], last: list[str]) -> FileEdit:
    """`last`: a line that has no newline. In a file that is there this says nothing: only its end could have none."""
    if not any(line.strip() for line in search):
        content = "".join([*(f"{line}\n" for line in replace), *last])
        return FileEdit(path, "create", content=content, in_turn=True)
    return FileEdit(path, hunks=(Hunk(changed(search, replace + last), open=True),), in_turn=True)


def changed(old: list[str], new: list[str]) -> tuple[str, ...]:
    """The lines of a hunk that makes the new ones of the old ones."""
    found: list[str] = []
    at = 0
    for a, b, c, d in [*pieces(old, new, STEPS * (len(old) + len(new))), (len(old), len(old), 0, 0)]:
        found += [f" {line}" for line in old[at:a]]
        found += [f"-{line}" for line in old[a:b]] + [f"+{line}" for line in new[c:d]]
        at = b
    return tuple(found)
