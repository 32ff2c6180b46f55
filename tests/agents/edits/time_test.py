"""No answer keeps us busy for long: it is read in linear time, and placed within a bound of work or refused."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import pytest

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import MAX_LINES, EditRefused

SECONDS = 4.0  # of CPU, for what takes a tenth of that on a quiet machine and took minutes before

NAMES = "--- a/x.py\n+++ b/x.py\n"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _block(search: Iterable[str], replace: Iterable[str]) -> str:
    return f"x.py\n```\n<<<<<<< SEARCH\n{_lines(search)}=======\n{_lines(replace)}>>>>>>> REPLACE\n```\n"


def _patch(body: str) -> str:
    return f"*** Begin Patch\n*** Update File: x.py\n{body}*** End Patch\n"


PARSED: dict[str, tuple[formats.Name, str]] = {
    "blanks behind a name": ("diff", f"--- a/x{' ' * 100_000}y\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"),
    "blanks in names": ("diff", f"diff --git {'a ' * 100_000}\nnew mode 100755\n"),
    "quotes in names": ("diff", 'diff --git "' + '\\"' * 100_000 + "\nnew mode 100755\n"),
    "extended headers": ("diff", "diff --git a/x b/x\n" + "index 1..2\n" * 20_000),
    "digits": ("diff", f"{NAMES}@@ -{'1' * 100_000} +1 @@\n-a\n+b\n"),
    "headers": ("diff", NAMES * 20_000),
    "dividers": ("search_replace", _block(["======="] * 20_000, ["a"])),
    "repeated lines": ("search_replace", _block(["a"] * 4000, ["a", "b"] * 2000)),
    "blanks behind DELETE": ("search_replace", "DELETE" + " " * 20_000 + "`x\n"),
    "blanks around a path": ("search_replace", "a" + " " * 100_000 + "*\n" + _block(["a"], ["b"])[5:]),
    "anchors": ("apply_patch", _patch("@@ }\n" * 20_000 + "-}\n+a\n")),
    "sections": ("apply_patch", _patch("@@\n-a\n+b\n*** Update File: x.py\n" * 5_000 + "@@\n-a\n+b\n")),
    "fences": ("whole_file", "```x.py\n" * 20_000),
    "lines": ("diff", "\n" * (MAX_LINES + 1)),
}


@pytest.mark.parametrize("name", PARSED)
def test_reading(name: str) -> None:
    asked, answer = PARSED[name]
    began = time.process_time()
    with suppress(EditRefused):
        formats.parse(answer, asked)
    assert time.process_time() - began < SECONDS


MANY = 8_000
SAME = _lines(["}"] * MANY)
DISTINCT = _lines(f"line {n}" for n in range(MANY))

PLACED = {
    "dashes": ("a\n", f"x.py\n```\n{'-' * 50_000}\n```\n"),
    "left out": ("# ...\n" * 5000, "x.py\n```\n# more\n" + "# ...\n" * 5000 + "```\n"),
    "whole file of repeated lines": (SAME, "x.py\n```\n" + "}\n{\n" * 10_000 + "```\n"),
    "equal hunks": ("a\n" * 200, NAMES + "@@\n-a\n+b\n" * 200),
    "the same section": (DISTINCT, (NAMES + "@@\n-line 1\n+b\n") * 5000),
    "anchors that are everywhere": (SAME, _patch("@@ }\n-}\n+a\n" * 1000)),
    "replaced one by one": (
        DISTINCT,
        NAMES + "@@ -1 +1 @@\n" + _lines(f"-line {n}\n+{n}" for n in range(MANY)),
    ),
    "added one by one": (
        DISTINCT.replace("\n", "\r\n"),
        NAMES + "@@ -1 +1 @@\n" + _lines(f" line {n}\n+{n}" for n in range(MANY)),
    ),
    "a wrong line amid repeated ones": (
        SAME,
        NAMES + "@@ -1 +1 @@\n" + " }\n" * 200 + " {\n" + " }\n" * 190 + "-}\n+a\n",
    ),
}


@pytest.mark.parametrize("name", PLACED)
def test_placing(name: str) -> None:
    file, answer = PLACED[name]
    began = time.process_time()
    try:
        apply(formats.parse(answer), {"x.py": file.encode()}.get)
    except EditRefused as refusal:
        assert len(refusal.message) < 50_000
    assert time.process_time() - began < SECONDS


def test_too_much_work_is_said_once() -> None:
    answer = "".join(_block([f"line {n}"], ["a"]) for n in range(1000))
    began = time.process_time()
    with pytest.raises(EditRefused, match="it takes too long") as refused:
        apply(formats.parse(answer), {"x.py": DISTINCT.encode()}.get)
    assert "\n" not in refused.value.message
    assert time.process_time() - began < SECONDS


def test_more_hunks_in_order_than_a_float_has_a_chance_for() -> None:
    numbers = range(200)
    answer = NAMES + "".join(f"@@ -{n + 1} +{n + 1} @@\n-line {n}\n+{n}\n" for n in numbers)
    (changed,) = apply(formats.parse(answer), {"x.py": DISTINCT.encode()}.get).files.values()
    assert (
        changed.content
        == (_lines(map(str, numbers)) + DISTINCT[len(_lines(f"line {n}" for n in numbers)) :]).encode()
    )
