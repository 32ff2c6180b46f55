"""Records as YAML: a reader that refuses what it could misread, a writer whose output git can merge.

Values are built straight from the C parser's events: PyYAML's own constructor can be stalled by merge keys
and crashed by nesting, lets the last duplicate key win, and turns `no` and `1:30` into other types.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from state.errors import InvalidFile, UsageError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 50
MAX_KEY = 1000  # YAML lets a key on its own line have 1024 characters, quotes and escapes included
INT64 = 2**63

# What no YAML file may hold, and NEL, LS and PS, which are line ends to YAML 1.1 but not to 1.2.
_FORBIDDEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
_RAW = re.compile(f"[{_FORBIDDEN}]")
_CONFLICT = (b"\n<<<<<<<", b"\n|||||||", b"\n=======", b"\n>>>>>>>")
_CONSTANTS: Mapping[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")

_FIX = "correct that line by hand, or take back the last committed version: git restore FILE"
_MERGE = "keep one side or both, delete the marker lines, then run the command again"
_EXPAND = "write the value out in place: no anchors, aliases, tags or merge keys"


def load(data: bytes, where: str) -> dict[str, object]:
    """The mapping in `data`; InvalidFile names `where` and the line. A leading BOM is skipped."""
    import yaml

    text = _checked_text(data, where)
    # Where PyYAML was built without libyaml, its own parser gives the same events, slowly.
    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        return _Reader(yaml.events, parser.get_event, where).document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise _invalid(where, line, error.problem or "no YAML") from error


def _checked_text(data: bytes, where: str) -> str:
    """The characters of a file whose size, encoding and characters are fit to be parsed."""
    if len(data) > MAX_BYTES:
        raise _invalid(where, 0, f"the file has {len(data)} bytes, at most {MAX_BYTES} are read")
    framed = b"\n" + data
    if markers := [found for marker in _CONFLICT if (found := framed.find(marker)) >= 0]:
        raise _invalid(where, data.count(b"\n", 0, min(markers)), "unresolved merge conflict", _MERGE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start)
        raise _invalid(where, line, f"not UTF-8: byte 0x{error.object[error.start]:02x}") from error
    if bad := _RAW.search(text):
        reason = f"the character U+{ord(bad[0]):04X} may only stand as an escape in double quotes"
        raise _invalid(where, text.count("\n", 0, bad.start()), reason)
    return text


def _invalid(where: str, index: int, reason: str, hint: str = _FIX) -> InvalidFile:
    return InvalidFile(f"{where}:{index + 1}: {reason}", hint)


class _Reader:
    """One document, built from parser events; stops at the first that a record may not have."""

    def __init__(self, events: Any, next_event: Callable[[], Any], where: str) -> None:
        self.events = events
        self.next = next_event
        self.where = where

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
                raise self.invalid(event, f"the key {_short(key)} stands here a second time")
            result[key] = self.value(self.next(), depth)
        return result

    def key(self, event: Any) -> str:
        self.check_node(event)
        if not isinstance(event, self.events.ScalarEvent):
            raise self.invalid(event, "a list or mapping is used as a key")
        text = str(event.value)
        if event.implicit[0]:  # plain: neither quoted nor tagged
            if text == "<<":
                raise self.invalid(event, "a merge key (<<)", _EXPAND)
            if not isinstance(plain_value(text), str):
                raise self.invalid(event, f"the key {_short(text)} is no text", "put it in double quotes")
        return text

    def value(self, event: Any, depth: int) -> object:
        self.check_node(event)
        if isinstance(event, self.events.ScalarEvent):
            return plain_value(event.value) if event.implicit[0] else event.value
        if depth >= MAX_DEPTH:
            raise self.invalid(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, self.events.MappingStartEvent):
            return self.mapping(depth + 1)
        items: list[object] = []
        while not isinstance(event := self.next(), self.events.SequenceEndEvent):
            items.append(self.value(event, depth + 1))
        return items

    def check_node(self, event: Any) -> None:
        if event.anchor is not None:  # an alias event carries the name of its anchor
            raise self.invalid(event, f"an anchor or alias ({_short(event.anchor)})", _EXPAND)
        if event.tag is not None:
            raise self.invalid(event, f"a tag ({_short(event.tag)})", _EXPAND)

    def invalid(self, event: Any, reason: str, hint: str = _FIX) -> InvalidFile:
        return _invalid(self.where, event.start_mark.line, reason, hint)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def plain_value(text: str) -> object:
    """An unquoted scalar: JSON's constants and numbers, where they fit in 64 bits; all else is text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "-0123456789":
        return text
    if _INTEGER.fullmatch(text) and -INT64 <= int(text) < INT64:
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(real := float(text)):
        return real
    return text


_ESCAPED = re.compile(rf'["\\\t\n\r{_FORBIDDEN}]')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
_NOT_LITERAL = re.compile(rf"[\r{_FORBIDDEN}]|[ \t](?:\n|\Z)")
_NOT_PLAIN = re.compile(rf"[\t\r\n{_FORBIDDEN}]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
# A text that some YAML reader, 1.1 or 1.2, takes for syntax or for another type.
_INDICATORS = frozenset("-?:,[]{}#&*!|>'\"%@`=<")
_WORDS = frozenset({"~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_NUMBER = r"[-+]?(\.inf|\.nan|0[box][\da-f_]*|[.\d][.\d_,:]*(e[-+]?[\d_]*)?)"
_NUMBER_LIKE = re.compile(rf"{_NUMBER}|\d{{4}}-\d\d?-.*|\.\.\..*", re.IGNORECASE)


def dump(value: Mapping[str, object]) -> bytes:
    """The canonical file of a mapping of plain values: `load` gives back the same, text byte for byte."""
    data = (_node(dict(value), 0) + "\n").encode()
    if len(data) > MAX_BYTES:
        raise UsageError(f"the record has {len(data)} bytes, at most {MAX_BYTES} fit", "shorten its texts")
    return data


def _node(value: object, indent: int) -> str:
    """`value` as written: only a list or mapping that needs lines of its own begins with its indentation."""
    if type(value) is str:
        return _text(value, indent)
    if not isinstance(value, dict | list | tuple):
        return _constant(value)
    if indent >= 2 * MAX_DEPTH:
        raise UsageError(f"the record is nested deeper than {MAX_DEPTH} levels", "flatten its values")
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    pad, inner = " " * indent, indent + 2
    if not isinstance(value, dict):
        return "\n".join([f"{pad}- {_node(item, inner).lstrip(' ')}" for item in value])
    pairs = [(_key(key), _node(item, inner)) for key, item in value.items()]
    return "\n".join([pad + key + (":\n" if node[0] == " " else ": ") + node for key, node in pairs])


def _constant(value: object) -> str:
    if value is None or type(value) is bool:
        return "null" if value is None else str(value).lower()
    if type(value) is int:
        if not -INT64 <= value < INT64:
            raise UsageError(f"a number of {value.bit_length()} bits can't be stored, only 64 bits with sign")
        return str(value)
    if type(value) is not float:
        raise TypeError(f"a record holds plain values, no {type(value).__name__}")
    if not math.isfinite(value):
        raise UsageError(f"{value} can't be stored, only finite numbers")
    written = repr(value)
    return written if "." in written else written.replace("e", ".0e")  # 1e+16 is text to YAML 1.1


@lru_cache(maxsize=1024)
def _key(key: str) -> str:
    if type(key) is not str:
        raise TypeError(f"the key {key!r} is no text")
    written = key if _is_plain(key) else f'"{_ESCAPED.sub(_escape, key)}"'
    if len(written) > MAX_KEY:
        raise UsageError(f"the key {_short(key)} is longer than {MAX_KEY} characters")
    return written


def _text(text: str, indent: int) -> str:
    if _is_plain(text):
        return text
    if "\n" in text and not text.isspace() and not _NOT_LITERAL.search(text):
        return _literal(text, " " * indent)
    return _quoted(text, " " * indent)


def _is_plain(text: str) -> bool:
    if not text or text[0] in _INDICATORS or text[-1] == ":" or ": " in text or " #" in text:
        return False
    if _NOT_PLAIN.search(text) or text.strip() != text:
        return False
    return text.lower() not in _WORDS and not _NUMBER_LIKE.fullmatch(text)


def _literal(text: str, pad: str) -> str:
    start = "2" if text[0] in " \t\n" else ""
    end = "-" if text[-1] != "\n" else "+" if text.endswith("\n\n") else ""
    lines = [pad + line if line else "" for line in text.removesuffix("\n").split("\n")]
    return "\n".join([f"|{start}{end}", *lines])


def _quoted(text: str, pad: str) -> str:
    """In double quotes, one line per line of text, so that git still merges by line."""
    lines = [_ESCAPED.sub(_escape, line) for line in _LINES.findall(text)]
    # YAML drops the blanks that begin a continued line, unless the first one is escaped.
    rest = ["\\" + line if line.startswith(" ") else line for line in lines[1:]]
    return '"' + f"\\\n{pad}".join(lines[:1] + rest) + '"'


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xD800 <= code <= 0xDFFF:
        raise UsageError(f"the text holds half a character (U+{code:04X}, a lone surrogate)", "remove it")
    return _SHORT_ESCAPES.get(found[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
