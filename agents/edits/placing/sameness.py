"""What may differ between a line as it was said and as it is: each step forgives more."""

from __future__ import annotations

from agents.edits.lines import BOM


def exactly(line: str) -> str:
    return line


def without_end(line: str) -> str:
    return line.removeprefix(BOM).removesuffix("\r")


def without_trail(line: str) -> str:
    return line.removeprefix(BOM).rstrip()


def without_blanks(line: str) -> str:
    return " ".join(line.removeprefix(BOM).split())


MARKS = str.maketrans(
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00a0\u2009\u202f",
    "-------''''\"\"\"\"   ",
)


def without_marks(line: str) -> str:
    """Typographic dashes, quotes and blanks as models write them from memory."""
    return without_trail(line.translate(MARKS))
