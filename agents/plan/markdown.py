"""A task list in Markdown, as people write it: tasks are headings or list items, fields are `name: value` lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agents.plan.fields import FIELD, ITEM, Line, MarkdownTask, fill, joined

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_NUMBERED = re.compile(r"(?:task[ \t]+)?(\d+)(?:[.):]|[ \t]+[-–—])[ \t]+(?=\S)", re.IGNORECASE)  # noqa: RUF001

_LISTS = ("tasks", "task list")
# Headings of a request's text, not tasks.
_PROSE = {
    "design",
    "overview",
    "background",
    "context",
    "summary",
    "goal",
    "goals",
    "introduction",
    "motivation",
}
_PROSE |= {"problem", "description", "notes", "details", "environment", "acceptance criteria", "requirements"}
_PROSE |= {
    "steps to reproduce",
    "expected behavior",
    "expected behaviour",
    "actual behavior",
    "actual behaviour",
}


@dataclass(frozen=True)
class _Cut:
    """Where a block begins: a task, indented by `offset`, or else (no task) design text."""

    line: int
    task: MarkdownTask | None
    offset: int = 0


@dataclass(frozen=True)
class _Head:
    line: int
    level: int
    title: str

    @property
    def name(self) -> str:
        return self.title.rstrip(":").casefold()


def parse_markdown(text: str) -> tuple[str, list[MarkdownTask]]:
    """The design text and the tasks.

    Tasks are what a heading "Tasks" holds; else the highest of ## and ### headings; else the items of a list,
    the checkboxes if one of them is open. What belongs to no task is design.
    """
    lines = _lines(text)
    cuts = _cuts(lines)
    design = lines[: cuts[0].line] if cuts else lines[:]
    for cut, after in pairwise([*cuts, _Cut(len(lines), None)]):
        if cut.task:
            fill(cut.task, lines[cut.line + 1 : after.line], cut.offset)
        else:
            design += lines[cut.line : after.line]
    return joined(design, 0), [cut.task for cut in cuts if cut.task]


def _lines(text: str) -> list[Line]:
    lines, fence = [], ""
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        opened = _FENCE.match(line)
        lines.append(Line(line, bool(fence or opened)))
        if not fence:
            fence = opened[1] if opened else ""
        elif (mark := line.strip()).startswith(fence) and set(mark) == {fence[0]}:
            fence = ""
    return lines


def _cuts(lines: Sequence[Line]) -> list[_Cut]:
    heads = [
        _Head(n, len(match[1]), match[2].strip().rstrip("#").strip())
        for n, line in enumerate(lines)
        if not line.code and (match := _HEADING.fullmatch(line.text))
    ]
    if listing := next((head for head in heads if head.level <= 3 and head.name in _LISTS), None):
        return _section(lines, heads, listing)
    levels = [head.level for head in heads if head.level in (2, 3) and _is_task(head)]
    if levels:
        return _heading_cuts(heads, min(levels))
    return _item_cuts(lines, heads, 0, len(lines))


def _is_task(head: _Head) -> bool:
    return bool(head.title) and head.name not in _PROSE


def _section(lines: Sequence[Line], heads: list[_Head], listing: _Head) -> list[_Cut]:
    """The tasks below the heading "Tasks", up to the next heading of its level."""
    later = [head for head in heads if head.line > listing.line]
    end = next((head.line for head in later if head.level <= listing.level), len(lines))
    inside = [head for head in later if head.line < end]
    if inside:
        cuts = _heading_cuts(inside, min(head.level for head in inside))
    else:
        cuts = _item_cuts(lines, [], listing.line + 1, end)
    return [*cuts, *([_Cut(end, None)] if cuts and end < len(lines) else [])]


def _heading_cuts(heads: list[_Head], level: int) -> list[_Cut]:
    cuts = []
    for head in heads:
        if head.level == level and _is_task(head):
            cuts.append(_Cut(head.line, _titled(head.title)))
        elif head.level <= level:
            cuts.append(_Cut(head.line, None))
    return cuts


def _item_cuts(lines: Sequence[Line], heads: list[_Head], start: int, end: int) -> list[_Cut]:
    items = list(_items(lines, heads, start, end))
    boxes = [item for item in items if item[1][3]]
    if any(match[3] == " " for _, match in boxes):
        items = boxes
    if not items:
        return []
    indent, numbered = len(items[0][1][1]), items[0][1][2][0].isdigit()
    cuts = [_Cut(head.line, None) for head in heads if head.line > items[0][0]]
    for n, match in items:
        if len(match[1]) <= indent and match[2][0].isdigit() == numbered:
            task = _titled(match[4], match[2].rstrip(".)") if numbered else "")
            task.done = (match[3] or "") in ("x", "X")
            cuts.append(_Cut(n, task, len(match[1]) + len(match[2]) + 1))
    return sorted(cuts, key=lambda cut: cut.line)


def _items(
    lines: Sequence[Line], heads: list[_Head], start: int, end: int
) -> Iterator[tuple[int, re.Match[str]]]:
    """List items that may be tasks: below a heading of prose, only checkboxes."""
    prose_lines = {head.line: head.name in _PROSE for head in heads}
    prose = False
    for n in range(start, end):
        prose = prose_lines.get(n, prose)
        if lines[n].code or FIELD.fullmatch(lines[n].text):
            continue
        match = ITEM.fullmatch(lines[n].text)
        if match and match[4].strip("-*_ \t") and (match[3] or not prose):
            yield n, match


def _titled(text: str, label: str = "") -> MarkdownTask:
    text = text.strip()
    if not label and (number := _NUMBERED.match(text)):
        label, text = number[1], text[number.end() :]
    if text.startswith("**") and text.endswith("**") and len(text) > 4:
        text = text[2:-2].strip()
    return MarkdownTask(text, label)
