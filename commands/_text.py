"""Plain text for people: aligned columns, labelled fields."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence

from state.keys import number_of

CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)] if chr(code) not in "\n\t"}
CONTROL |= {
    code: f"\\u{code:04x}" for code in [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
}  # bidirectional
# GitHub's runners obey lines of a log that begin with `::`, and `##[`; Azure `##vso[`, TeamCity `##teamcity[`.
_ORDER = re.compile(r"^[^\S\n]*:(?=:)|#(?=#[a-z]*\[)", re.MULTILINE)
_WHO_OBEYS = ("CI", "TF_BUILD", "TEAMCITY_VERSION")


def printable(text: str) -> str:
    """For a terminal or a CI job's log: a title or a model's answer must not move the cursor or give orders."""
    text = text.replace("\r\n", "\n").translate(CONTROL)
    if not any(name in os.environ for name in _WHO_OBEYS):
        return text
    return _ORDER.sub(lambda found: f"{found[0][:-1]}\\x{ord(found[0][-1]):02x}", text)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns two spaces apart. No borders: the lines stay easy to cut and grep."""
    lines = [list(header), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def fields(pairs: Iterable[tuple[str, object]]) -> str:
    """`label: value` lines; empty values are left out, long ones indented below their label."""
    return "\n".join(_field(label, value) for label, value in pairs if value not in (None, "", []))


def label(key: str, shared: Collection[int]) -> int | str:
    """What to call a record in a list: its number, or its key where others have the number, too."""
    number = number_of(key)
    return key if number in shared else number


def numbers(keys: Iterable[str]) -> str:
    return ", ".join(str(number_of(key)) for key in keys)


def _cell(value: object) -> str:
    return "-" if value is None else printable(" ".join(str(value).split()))


def _field(label: str, value: object) -> str:
    text = printable(", ".join(map(str, value)) if isinstance(value, list) else str(value))
    if "\n" not in text:
        return f"{label}: {text}"
    return f"{label}:\n" + "\n".join(f"  {line}".rstrip() for line in text.splitlines())
