"""An answer as lines, whatever format it is in: not too large, text, with one kind of line end."""

from __future__ import annotations

import re
from collections.abc import Callable

from agents.edits.changes import MAX_ANSWER, MAX_LINES, EditRefused

BOM = "\ufeff"
FENCE = re.compile(r"(`{3,}|~{3,})")


def lines_of(answer: str, is_mark: Callable[[str], bool]) -> list[str]:
    """The lines without their ends. Marks of the format that end with \\r say that the whole answer has CRLF."""
    check(answer)
    lines = answer.removesuffix("\n").split("\n")
    return [line.removesuffix("\r") for line in lines] if has_crlf(lines, is_mark) else lines


def has_crlf(lines: list[str], is_mark: Callable[[str], bool]) -> bool:
    """The lines of a CRLF file end with \r in an LF answer too, but its marks don't."""
    return any(line.endswith("\r") for line in lines if is_mark(line))


def check(answer: str) -> None:
    """Refuses what no format could be: binary garbage, and more than is allowed."""
    try:
        size = len(answer.encode(errors="surrogateescape"))
    except UnicodeEncodeError:
        raise EditRefused("the answer is no valid Unicode text") from None
    if size > MAX_ANSWER:
        raise EditRefused(f"the answer has {size} bytes; {MAX_ANSWER} are allowed")
    if (count := answer.count("\n")) > MAX_LINES:
        raise EditRefused(f"the answer has {count} lines; {MAX_LINES} are allowed")
    if "\0" in answer:
        raise EditRefused("the answer is binary, not text")
