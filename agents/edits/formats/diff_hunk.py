"""The body of a hunk. Models count badly: counts are used when they fit, the shape of the lines when not."""

from __future__ import annotations

import re

from msgspec.structs import replace

from agents.edits.changes import EditRefused, Hunk
from agents.edits.formats.diff_header import EXTENDED, is_header, is_pair
from agents.edits.lines import FENCE

HEAD = re.compile(r"@@ *-(\d{1,9})(?:,(\d{1,9}))? +\+(\d{1,9})(?:,(\d{1,9}))? *(?:@@ ?(.*))?$")


def read_hunk(lines: list[str], at: int, fenced: bool) -> tuple[Hunk, int]:
    """The hunk whose @@ line is here, and the line after it."""
    if lines[at].startswith("@@@"):
        raise EditRefused("a combined diff (@@@) can't be applied; write a plain one")
    head = HEAD.match(lines[at].rstrip())
    line, new_line, section, end, counted = None, None, lines[at].strip("@ \t\r"), None, False
    if head:
        line, new_line, section = int(head[1]), int(head[3]), (head[5] or "").strip()
        counts = [1 if count is None else int(count) for count in (head[2], head[4])]
        end = _end_by_counts(lines, at + 1, *counts)
        counted = end is not None
    if end is None:
        end = _end_by_shape(lines, at + 1, fenced)
    empty_below = not counted and end < len(lines) and not lines[end]
    hunk = _hunk(lines[at + 1 : end], line, section)
    return replace(hunk, new_line=new_line, counted=counted, empty_below=empty_below), end


def _hunk(body: list[str], line: int | None, section: str) -> Hunk:
    found: list[str] = []
    bare: set[str] = set()  # sides of the file whose last line has no newline
    for text in body:
        if text.startswith("\\"):
            tag = found[-1][0] if found else ""
            bare |= {" ": {"-", "+"}, "": set()}.get(tag, {tag})
        else:
            found.append(text if text[:1] in (" ", "-", "+") and text else f" {text}")
    final_newline = None if len(bare) != 1 else "-" in bare
    return Hunk(tuple(found), line, section, final_newline)


def _end_by_counts(lines: list[str], at: int, old: int, new: int) -> int | None:
    while old > 0 or new > 0:
        if at >= len(lines) or lines[at][:1] not in ("", " ", "-", "+", "\\"):
            return None
        if is_header(lines, at) or _is_signature(lines, at):
            return None  # a count that covers these is wrong
        tag = lines[at][:1] or " "
        old -= tag in " -"
        new -= tag in " +"
        if old < 0 or new < 0:
            return None
        at += 1
    if at < len(lines) and lines[at].startswith("\\"):
        at += 1
    return at if _nothing_follows(lines, at) else None


def _nothing_follows(lines: list[str], at: int) -> bool:
    """False if lines that belong to this hunk come after the counted ones."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at == len(lines) or lines[at][0] not in " -+" or ends_hunk(lines, at)


def _end_by_shape(lines: list[str], at: int, fenced: bool) -> int:
    start = at
    while at < len(lines) and not ends_hunk(lines, at):
        if lines[at][:1] not in ("", " ", "-", "+", "\\") and not fenced:
            break  # prose; inside a fence it is a context line whose blank was forgotten
        at += 1
    while at > start and not lines[at - 1]:
        at -= 1
    return at


def ends_hunk(lines: list[str], at: int) -> bool:
    """True for what can't be a hunk's line. A removed `-- x` looks like a header: three lines must agree."""
    line = lines[at]
    if line.startswith(("@@", "diff --git ", "Index: ")) or FENCE.match(line) or EXTENDED.match(line):
        return True
    if is_pair(lines, at):
        return lines[at + 2].startswith("@@") if at + 2 < len(lines) else is_header(lines, at)
    return _is_signature(lines, at)


def _is_signature(lines: list[str], at: int) -> bool:
    """`-- ` over git's version, as mails end."""
    return (
        lines[at].rstrip() == "--"
        and at + 1 < len(lines)
        and re.match(r"\d+\.\d+", lines[at + 1]) is not None
    )
