"""The fields of a task in Markdown: `name: value` lines, or a name with bullets below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

ITEM = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])[ \t]+(?:\[([ xX])\][ \t]+)?(\S.*)")
_NAME = r"(id|scope|files|depends(?:[ _-]?on)?|after|acceptance(?: criteria)?)"
FIELD = re.compile(
    rf"([ \t]*)([-*+][ \t]+)?(?:{_NAME}[ \t]*:|\*\*{_NAME}:\*\*|\*\*{_NAME}\*\*[ \t]*:)(.*)", re.IGNORECASE
)
_CODE = re.compile(r"`([^`]+)`")
# Prose begins with "After:", too.
_NUMBERS = re.compile(r"(?:#?\d+|`[^`]+`)(?:[ \t]*,[ \t]*(?:#?\d+|`[^`]+`))*+")
_ONLY_CODE = re.compile(r"`[^`]+`(?:[ \t]*,[ \t]*`[^`]+`)*+")


@dataclass
class MarkdownTask:
    """As written: `label` is the number before the title, `depends_on` and `after` name tasks in any way."""

    title: str
    label: str = ""
    done: bool = False
    id: str = ""
    detail: str = ""
    scope: list[str] = field(default_factory=list)
    depends_on: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    acceptance: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    text: str
    code: bool


def fill(task: MarkdownTask, lines: Sequence[Line], offset: int) -> None:
    """Take the fields out of a task's lines; the rest is its detail."""
    detail: list[Line] = []
    n = 0
    while n < len(lines):
        match = None if lines[n].code else FIELD.fullmatch(lines[n].text)
        after = n + 1
        if match:
            given, after = [match[6].strip()], n + 1
            if not given[0]:
                given, after = _nested(lines, after, match)
            left = _set(task, (match[3] or match[4] or match[5]).lower(), given)
        if not match or left == given:
            detail.extend(lines[n:after])
        else:
            detail.extend(Line(f"{' ' * offset}- {text}", False) for text in left)
        n = after
    task.detail = joined(detail, offset)


def _nested(lines: Sequence[Line], start: int, parent: re.Match[str]) -> tuple[list[str], int]:
    """The bullets below a field without a value, and where they end."""
    indent = len(parent[1]) + (1 if parent[2] else 0)
    found, end = [], start
    for n in range(start, len(lines)):
        line = lines[n]
        item = None if line.code or FIELD.fullmatch(line.text) else ITEM.fullmatch(line.text)
        if item and len(item[1]) >= indent:
            found.append(item[4].strip())
            end = n + 1
        elif line.code or line.text.strip():
            break
    return found, end


def _set(task: MarkdownTask, name: str, values: list[str]) -> list[str]:
    """Give the field its values. Returns those that are prose."""
    if name == "id":
        label = values[0].strip("`") if len(values) == 1 else ""
        task.id = label if re.fullmatch(r"[\w.-]+", label) else task.id
        return [] if task.id == label else values
    if name.startswith("depends"):
        task.depends_on += [value.replace("`", "") for value in values]
        return []
    if name == "after":
        named = [value for value in values if _NUMBERS.fullmatch(value)]
        task.after += [value.replace("`", "") for value in named]
        return [value for value in values if value not in named]
    take = {"acceptance": _commands, "acceptance criteria": _only_commands}.get(name, _globs)
    target = task.acceptance if take is not _globs else task.scope
    taken = [(value, take(value)) for value in values]
    target.extend(entry for _, entries in taken for entry in entries)
    return [value for value, entries in taken if not entries]


def _globs(value: str) -> list[str]:
    parts = _CODE.findall(value) or [_unquoted(part.strip()) for part in value.split(",")]
    return (
        [] if "`" not in value and any(re.search(r"\s", part) for part in parts) else [p for p in parts if p]
    )


def _unquoted(part: str) -> str:
    """Who is used to shells and YAML quotes a glob."""
    return part[1:-1] if len(part) > 1 and part[0] == part[-1] and part[0] in "'\"" else part


def _commands(value: str) -> list[str]:
    return _CODE.findall(value) or [value]


def _only_commands(value: str) -> list[str]:
    return _CODE.findall(value) if _ONLY_CODE.fullmatch(value) else []


def joined(lines: Sequence[Line], offset: int) -> str:
    """Without the item's indentation, and without empty lines around."""
    texts = [line.text for line in lines]
    texts = [text[min(offset, len(text) - len(text.lstrip(" "))) :] for text in texts]
    first = next((n for n, text in enumerate(texts) if text.strip()), len(texts))
    return "\n".join(texts[first:]).rstrip()
