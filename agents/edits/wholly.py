"""A file given as a whole, fitted to the one that it replaces: line ends, the newline at the end, nothing left out."""

from __future__ import annotations

import re

from agents.edits.changes import EditRefused, FileEdit
from agents.edits.textfile import TextFile

# "# ... rest of the code unchanged ...": the mark of an answer that is not whole.
_ELLIPSIS = re.compile(r"\s*(#|//|/\*|<!--|--|;|%)[\s#/*-]*(\.\.\.|…)[\s*/>-]*$")
_PHRASE = re.compile(
    r"\W*(\.\.\.|…)?\W*(the )?(rest|remainder|remaining|existing|other|previous|unchanged)\b.{0,60}"
    r"(unchanged|the same|as before|stays?|omitted|goes here|remains?|code|here)\W*(\.\.\.|…)\W*$",
    re.IGNORECASE,
)


def whole(edit: FileEdit, data: bytes | None) -> bytes:
    """The new bytes; raises EditRefused if they stand for a file of which lines were left out."""
    text = edit.content or ""
    if data is None or edit.kind != "write":
        return text.encode(errors="surrogateescape")
    if b"\0" in data:
        raise EditRefused(f"{edit.path}: is a binary file")
    old = TextFile(data)
    _check_nothing_left_out(edit.path, text, old)
    if old.crlf and "\r" not in text:
        text = text.replace("\n", "\r\n")
    new = text.encode(errors="surrogateescape")
    if not old.final_newline and old.lines[-1:] != [""]:
        bare = new.removesuffix(b"\n").removesuffix(b"\r" if old.crlf else b"")
        same_end = bare.split(b"\n")[-1] == data.split(b"\n")[-1]
        return bare if same_end and bare != data else new
    return new


def _check_nothing_left_out(path: str, text: str, old: TextFile) -> None:
    for line in text.split("\n"):
        if (_ELLIPSIS.match(line) or _PHRASE.match(line)) and line.rstrip() not in {
            each.rstrip() for each in old.lines
        }:
            raise EditRefused(
                f"{path}: {line.strip()!r} stands for lines that were left out: write all of them"
            )
