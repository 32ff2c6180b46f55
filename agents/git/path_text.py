"""Paths may hold any byte but NUL and /; shown, they are one printable line that says exactly what they are."""

from __future__ import annotations

import os
import re


def shown(path: str) -> str:
    """A path as one printable line: backslashes, control characters and bytes that are no UTF-8 escaped."""
    return "".join(char if char.isprintable() and char != "\\" else _escaped(char) for char in path)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # os.fsdecode's way to keep a byte
    return f"\\u{code:04x}" if 0x80 <= code <= 0xFF else char.encode("unicode_escape").decode()


_ESCAPE = re.compile(r"\\x[89a-f][0-9a-f]|\\(?:[\\ntr]|x..|u.{4}|U.{8})")


def meant(path: str) -> str:
    """The path that is shown so."""
    return _ESCAPE.sub(lambda found: _unescaped(found[0]), path)


def _unescaped(text: str) -> str:
    if text[1] == "x" and text[2] in "89abcdef":
        return os.fsdecode(bytes([int(text[2:], 16)]))
    return text.encode().decode("unicode_escape")
