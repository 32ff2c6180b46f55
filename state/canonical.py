"""Reads the YAML that `dump` writes, without a YAML parser: to import one costs more than all else a command does.

The proof that a file was read right is that `dump` makes the same bytes of the value again. Any other file,
edited by hand or broken, goes to the strict reader.
"""

from __future__ import annotations

import msgspec

from state.errors import RefactoryError
from state.yaml_codec import MAX_DEPTH, NOT_RAW, dump, plain_value

# Lines, escapes, and characters to be escaped: of more, the C parser makes short work, and this reader would not.
_MOST = 10_000


def load(data: bytes, where: str, header: bytes = b"") -> dict[str, object]:
    """The mapping in `data`, below the comment `header` or without it; InvalidFile names `where` and the line."""
    value = read(data.removeprefix(header))
    if value is None and b"#" in data:
        value = _read_below_comments(data)
    if value is not None:
        return value
    from state.yaml_reader import load as load_any  # only a file that people wrote needs the parser

    return load_any(data, where)


def read(data: bytes) -> dict[str, object] | None:
    """The mapping, or None if the file is not exactly as `dump` writes it, is large, or has rare escapes."""
    if data.count(b"\n") > _MOST or data.count(b"\\") > _MOST:
        return None
    try:
        text = data.decode()
        if len(text) > _MOST and NOT_RAW.search(text):
            return None
        value = _Lines(text).mapping(0)
        return value if dump(value) == data else None
    except (ValueError, LookupError, msgspec.MsgspecError, RefactoryError):
        return None


def _read_below_comments(data: bytes) -> dict[str, object] | None:
    """A configuration is mostly this: canonical, but for lines of comments and empty ones.

    Not where a text is a block, as it might go on below the comment, or where a comment might end unseen.
    """
    text = data.decode("utf-8", "surrogateescape")
    if "|" in text or "\r" in text or NOT_RAW.search(text):
        return None
    lines = [line for line in text.split("\n") if not line.lstrip(" ").startswith("#") and line.strip(" ")]
    return read("\n".join([*lines, ""]).encode())


_EMPTY: dict[str, dict[str, object] | list[object]] = {"{}": {}, "[]": []}


class _Lines:
    """Takes what it sees for granted, as `read` checks the outcome."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.at = 0

    def block(self, indent: int) -> object:
        if indent > 2 * MAX_DEPTH:
            raise ValueError("too deep")
        return self.sequence(indent) if self.lines[self.at][indent] == "-" else self.mapping(indent)

    def mapping(self, indent: int) -> dict[str, object]:
        result: dict[str, object] = {}
        pad = " " * indent
        while (line := self.lines[self.at]).startswith(pad) and line[indent:]:
            key, _, rest = line[indent:].partition(":")
            self.at += 1
            result[key] = self.scalar(rest[1:], indent + 2) if rest else self.block(indent + 2)
        return result

    def sequence(self, indent: int) -> list[object]:
        items: list[object] = []
        mark = " " * indent + "- "
        while (line := self.lines[self.at]).startswith(mark):
            item = line[indent + 2 :]
            if item[:2] == "- ":
                raise ValueError("lists in lists: no record has them, and each level would copy the line")
            if item[0] in '"|' or not (": " in item or item[-1] == ":"):
                self.at += 1
                items.append(self.scalar(item, indent + 2))
            else:
                self.lines[self.at] = " " * (indent + 2) + item
                items.append(self.block(indent + 2))
        return items

    def scalar(self, text: str, indent: int) -> object:
        if text[0] == "|":
            return self.literal(text, " " * indent)
        if text[0] == '"':
            return msgspec.json.decode(text)  # the escapes of one line are JSON's, but for a few
        if text[0] in "{[":
            return _EMPTY[text].copy()
        return plain_value(text)

    def literal(self, header: str, pad: str) -> str:
        start = self.at
        while not (line := self.lines[self.at]) or line.startswith(pad):
            self.at += 1
            if self.at == len(self.lines):
                self.at -= 1  # the empty string after the last line end is no line
                break
        text = "\n".join([line[len(pad) :] for line in self.lines[start : self.at]])
        return text if header[-1] == "-" else f"{text}\n"
