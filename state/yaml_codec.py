"""Records as YAML: what plain values mean, and a writer whose output git can merge. The reader is yaml_reader.py."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from state.errors import UsageError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 50
MAX_NODES = 50_000  # keys and values: what bounds the time to read, where text alone costs next to nothing
MAX_KEY = 1000  # YAML lets a key on its own line have 1024 characters, quotes and escapes included
INT64 = 2**63

# What no YAML file may hold, and NEL, LS and PS, which are line ends to YAML 1.1 but not to 1.2.
_FORBIDDEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
NOT_RAW = re.compile(f"[{_FORBIDDEN}]")
_CONSTANTS: Mapping[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")


def short(text: str, most: int = 60) -> str:
    return repr(text if len(text) <= most else text[: most - 3] + "...")


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


# Replaced one after the other, which for a text full of them is ten times as fast as a pattern's function.
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
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
    if len(data) > 2 * MAX_NODES and (nodes := _nodes(value)) > MAX_NODES:  # each has two bytes and more
        raise UsageError(f"the record has {nodes} keys and values, at most {MAX_NODES} fit", "split it")
    return data


def _nodes(value: object) -> int:
    """Keys and values, as the reader counts them."""
    if isinstance(value, Mapping):
        return 1 + sum(1 + _nodes(item) for item in value.values())
    return 1 + sum(map(_nodes, value)) if isinstance(value, list | tuple) else 1


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
    written = key if _is_plain(key) else f'"{_escaped(key)}"'
    if len(written) > MAX_KEY:
        raise UsageError(f"the key {short(key)} is longer than {MAX_KEY} characters")
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
    lines = [_escaped(line) for line in _LINES.findall(text)]
    # YAML drops the blanks that begin a continued line, unless the first one is escaped.
    rest = ["\\" + line if line.startswith(" ") else line for line in lines[1:]]
    return '"' + f"\\\n{pad}".join(lines[:1] + rest) + '"'


def _escaped(text: str) -> str:
    for character, escape in _SHORT_ESCAPES.items():
        text = text.replace(character, escape)
    return NOT_RAW.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xD800 <= code <= 0xDFFF:
        raise UsageError(f"the text holds half a character (U+{code:04X}, a lone surrogate)", "remove it")
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
