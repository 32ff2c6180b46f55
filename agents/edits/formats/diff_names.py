"""File names as diffs write them: quoted, prefixed, with a time stamp behind."""

from __future__ import annotations

import re

NOTHING = "/dev/null"
PREFIXES = [("a/", "b/"), ("i/", "w/"), ("c/", "i/"), ("c/", "w/"), ("o/", "w/"), ("old/", "new/")]
ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
STAMP = re.compile(r"\t.*|(?<! ) +\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*")
BACKUP = re.compile(r"(\.orig|\.old|\.bak|~)$")


def header_name(text: str) -> str:
    """The name in what follows `--- ` or `+++ `."""
    if quoted := QUOTED.match(text):
        return unquote(quoted[1])
    return STAMP.sub("", text).rstrip()


def plain_name(text: str) -> str:
    """The name in what follows `rename from `."""
    quoted = QUOTED.fullmatch(text.rstrip())
    return unquote(quoted[1]) if quoted else text.rstrip("\r")


def unquote(text: str) -> str:
    """C escapes, octal bytes among them, as git writes names that aren't plain ASCII."""
    found = bytearray()
    for octal, letter, plain in re.findall(r"\\([0-3][0-7]{2})|\\(.)|([^\\]+)", text, re.DOTALL):
        if octal:
            found.append(int(octal, 8))
        elif letter:
            found += bytes([ESCAPES[letter]]) if letter in ESCAPES else f"\\{letter}".encode()
        else:
            found += plain.encode(errors="surrogateescape")
    return found.decode(errors="surrogateescape")


def command_names(text: str) -> tuple[str, str] | None:
    """Both names in what follows `diff --git `; unquoted ones may hold blanks, so they must agree."""
    text = text.strip()
    if text.startswith('"'):
        first = QUOTED.match(text)
        return first and (unquote(first[1]), plain_name(text[first.end() :].lstrip()))
    if text.endswith('"'):
        old, _, new = text.partition(' "')
        return old, plain_name(f'"{new}')
    blank = text.find(" ") if text.count(" ") == 1 else len(text) // 2
    old, new = text[:blank], text[blank + 1 :]
    return (
        (old, new)
        if text[blank : blank + 1] == " " and (old[2:] == new[2:] or " " not in old + new)
        else None
    )


def without_prefixes(old: str, new: str) -> tuple[str, str]:
    """`a/x` and `b/x` are `x`, unless only one of them has such a prefix and the rest differs."""
    for left, right in PREFIXES:
        if old.startswith(left) and new == NOTHING:
            return old.removeprefix(left), new
        if old == NOTHING and new.startswith(right):
            return old, new.removeprefix(right)
        if old.startswith(left) and new.startswith(right):
            return old.removeprefix(left), new.removeprefix(right)
        if old.startswith(left) and old.removeprefix(left) == new:
            return new, new
        if new.startswith(right) and new.removeprefix(right) == old:
            return old, old
    if old != new and BACKUP.sub("", old) == new:
        return new, new
    return old, new
