"""Paths as models write them above a block: bare, in backticks, as a heading, in the fence's info string."""

from __future__ import annotations

import re

# What may stand around a path on its line: headings, list marks, emphasis, "File:".
_BEFORE = re.compile(
    r"\s*(?:(?:#+|>|[*-]|\d+[.)])\s+)?(?:\**(?:file ?(?:name|path)?|path)\**\s*:\**\s*)?", re.IGNORECASE
)
_WRAPPED = re.compile(r"(\*\*|__|\*)?([`\"']?)([^`\"'*]+)\2:?(?(1)\1):?")
LONGEST = 4000  # letters of an info string
_WORD = re.compile(r"[^\s`\"'<>|=(){}\[\],;!?]+")


def path_in(line: str) -> str | None:
    """The path that a line names, if it holds nothing else."""
    if _is_word(line) and not line.endswith(":"):
        return line  # bare: any name will do
    found = _WRAPPED.fullmatch(_BEFORE.sub("", line, count=1).rstrip())
    if not found:
        return None
    name, is_quoted = found[3].strip().removesuffix(":"), found[2] == "`"
    has_shape = "/" in name or "." in name.strip(".") or name.startswith(".") or is_quoted
    return name if has_shape and (is_quoted or _is_word(name)) and name[-1] != "." else None


def path_in_info(info: str) -> str | None:
    """The path in a fence's info string: `python src/a.py`, `python:src/a.py`, `src/a.py`."""
    if len(info) > LONGEST:
        return None
    for word in reversed(re.split(r"[\s:=]+", info.strip())):
        name = word.strip("\"'`{}")
        if ("/" in name or "." in name) and path_in(name):
            return name
    return None


def _is_word(text: str) -> bool:
    """One word that is no sentence's end, no fence and no URL."""
    return (
        _WORD.fullmatch(text) is not None
        and "://" not in text
        and text.strip(".*_#~-+:") != ""
        and text[-1] != "."
    )
