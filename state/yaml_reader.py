"""The strict reader of YAML: refuses what could be misread, in a time that only the file's size bounds.

Values are built straight from the C parser's events: PyYAML's own constructor can be stalled by merge keys
and crashed by nesting, lets the last duplicate key win, and turns `no` and `1:30` into other types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import yaml

from state.errors import InvalidFile
from state.yaml_codec import MAX_BYTES, MAX_DEPTH, MAX_NODES, NOT_RAW, plain_value, short

KeyPath = Sequence[str | int]

R = TypeVar("R", bound="_Reader")

_SHOWN = 8  # parts of a path, from its start
_CONFLICT = (b"\n<<<<<<<", b"\n|||||||", b"\n=======", b"\n>>>>>>>")

FIX = "correct that line by hand, or take back the last committed version: git restore FILE"
_MERGE = "keep one side or both, delete the marker lines, then run the command again"
_EXPAND = "write the value out in place: no anchors, aliases, tags or merge keys"
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


def load(data: bytes, where: str) -> dict[str, object]:
    """The mapping in `data`; InvalidFile names `where`, line, column and key. A leading BOM is skipped."""
    return _read(_Reader, data, where)[0]


def locate(data: bytes, where: str, path: KeyPath) -> tuple[int, int]:
    """Line and column, from 1, of the key or the list item at `path` in a file that `load` has read."""
    return _read(partial(_Locator, path), data, where)[1].found


def place(where: str, line: int, column: int, path: KeyPath) -> str:
    """`tasks/3.yaml:7:3: tasks[2].state`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in path]
    named = "".join(parts if len(parts) <= _SHOWN else [*parts[:_SHOWN], "..."])
    return f"{where}:{line}:{column}" + (f": {named.removeprefix('.')}" if named else "")


def _name(key: str) -> str:
    return key if key.isidentifier() and len(key) <= 20 else short(key, 20)


def _read(reader_type: Callable[..., R], data: bytes, where: str) -> tuple[dict[str, object], R]:
    text = _checked_text(data, where)
    # Where PyYAML was built without libyaml, its own parser gives the same events, slowly.
    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    reader = reader_type(yaml.events, parser.get_event, where)
    try:
        return reader.document(), reader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = error.problem or "no YAML"
        if "nesting depth" in reason:  # libyaml looks ahead, and has a bound of its own
            reason = _TOO_DEEP
        raise _invalid(where, line, column, reason, path=reader.path) from error


def _checked_text(data: bytes, where: str) -> str:
    """The characters of a file whose size, encoding and characters are fit to be parsed."""
    if len(data) > MAX_BYTES:
        raise _invalid(
            where, 1, 1, f"the file has more than {MAX_BYTES} bytes, which is the most that is read"
        )
    framed = b"\n" + data
    if markers := [found for marker in _CONFLICT if (found := framed.find(marker)) >= 0]:
        line = framed.count(b"\n", 0, min(markers)) + 1
        raise _invalid(where, line, 1, "unresolved merge conflict", _MERGE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(error.object[: error.start].decode("utf-8", "replace"))
        raise _invalid(where, line, column, f"not UTF-8: byte 0x{error.object[error.start]:02x}") from error
    if bad := NOT_RAW.search(text):
        reason = f"the character U+{ord(bad[0]):04X} may only stand as an escape in double quotes"
        raise _invalid(where, *_position(text[: bad.start()]), reason)
    _refuse_directives(text, where)
    return text


def _refuse_directives(text: str, where: str) -> None:
    """`%TAG` could change what is read, and libyaml compares each with all before it: 1 MB takes 20 seconds."""
    framed = "\n" + text
    if starts := [found for end in "\r\n" if (found := framed.find(f"{end}%")) >= 0]:
        line, _ = _position(framed[: min(starts)])
        raise _invalid(where, line, 1, "a line that begins with % (a directive)", "remove the line")


def _position(before: str) -> tuple[int, int]:
    """Line and column of what follows `before`."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _invalid(
    where: str, line: int, column: int, reason: str, hint: str = FIX, path: KeyPath = ()
) -> InvalidFile:
    return InvalidFile(f"{place(where, line, column, path)}: {reason}", hint)


class _Reader:
    """One document, built from parser events; stops at the first that a record may not have."""

    def __init__(self, events: Any, next_event: Callable[[], Any], where: str) -> None:
        self.events = events
        self.scalar = events.ScalarEvent
        self.next = next_event
        self.where = where
        self.path: list[str | int] = []
        self.left = MAX_NODES

    def document(self) -> dict[str, object]:
        self.next()  # the start of the stream
        if isinstance(start := self.next(), self.events.StreamEndEvent):
            raise self.invalid(start, "the file is empty")
        if not isinstance(root := self.next(), self.events.MappingStartEvent):
            raise self.invalid(root, "the file is no mapping of keys to values")
        self.check_node(root)
        value = self.mapping(1)
        self.next()  # the end of the document
        if not isinstance(extra := self.next(), self.events.StreamEndEvent):
            raise self.invalid(extra, "a second document begins", "keep one document per file")
        return value

    def mapping(self, depth: int) -> dict[str, object]:
        result: dict[str, object] = {}
        while not isinstance(event := self.next(), self.events.MappingEndEvent):
            key = self.key(event)
            if key in result:
                raise self.invalid(event, f"the key {short(key)} stands here a second time")
            self.path.append(key)
            result[key] = self.value(self.next(), depth)
            self.path.pop()
        return result

    def sequence(self, depth: int) -> list[object]:
        items: list[object] = []
        end, path = self.events.SequenceEndEvent, self.path
        path.append(0)
        while type(event := self.next()) is not end:
            path[-1] = len(items)
            items.append(self.value(event, depth))
        path.pop()
        return items

    def key(self, event: Any) -> str:
        self.check_node(event)
        if not isinstance(event, self.events.ScalarEvent):
            raise self.invalid(event, "a list or mapping is used as a key")
        text = str(event.value)
        if event.implicit[0]:  # plain: neither quoted nor tagged
            if text == "<<":
                raise self.invalid(event, "a merge key (<<)", _EXPAND)
            if not isinstance(plain_value(text), str):
                raise self.invalid(event, f"the key {short(text)} is no text", "put it in double quotes")
        return text

    def value(self, event: Any, depth: int) -> object:
        self.check_node(event)
        if type(event) is self.scalar:
            return plain_value(event.value) if event.implicit[0] else event.value
        if depth >= MAX_DEPTH:
            raise self.invalid(event, _TOO_DEEP)
        if isinstance(event, self.events.MappingStartEvent):
            return self.mapping(depth + 1)
        return self.sequence(depth + 1)

    def check_node(self, event: Any) -> None:
        self.left -= 1
        if event.anchor is not None:  # an alias event carries the name of its anchor
            raise self.invalid(event, f"an anchor or alias ({short(event.anchor)})", _EXPAND)
        if event.tag is not None:
            raise self.invalid(event, f"a tag ({short(event.tag)})", _EXPAND)
        if self.left < 0:
            raise self.invalid(event, f"more than {MAX_NODES} keys and values", "split it")

    def invalid(self, event: Any, reason: str, hint: str = FIX) -> InvalidFile:
        mark = event.start_mark
        return _invalid(self.where, mark.line + 1, mark.column + 1, reason, hint, self.path)


class _Locator(_Reader):
    """Remembers where the key or the item of a list at `target` begins; the whole file if it is not there."""

    def __init__(self, target: KeyPath, *given: Any) -> None:
        super().__init__(*given)
        self.target = list(target)
        self.found = (1, 1)

    def key(self, event: Any) -> str:
        text = super().key(event)
        if self.target and text == self.target[-1] and self.path == self.target[:-1]:
            self.remember(event)
        return text

    def value(self, event: Any, depth: int) -> object:
        if isinstance(self.path[-1], int) and self.path == self.target:
            self.remember(event)
        return super().value(event, depth)

    def remember(self, event: Any) -> None:
        self.found = (event.start_mark.line + 1, event.start_mark.column + 1)
