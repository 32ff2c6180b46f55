"""Whole files over files that are there: unchanged lines keep their bytes, blanks that are in doubt are refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import EditRefused

TABBED = "".join(f"int f{n}(void)\n{{\n\tif (a{n}) {{\n\t\treturn {n};\n\t}}\n}}\n" for n in range(12))


def run(old: str, new: str) -> str | None:
    files = {"f.c": old.encode()}
    content = apply(formats.parse(f"f.c\n```\n{new}```\n", "whole_file"), files.get).files
    return (content["f.c"].content or b"").decode() if content else None


def swapped(text: str, rng: random.Random, share: float = 0.3) -> str:
    lines = [line.replace("\t", "    ") if rng.random() < share else line for line in text.split("\n")]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(5))
def test_swapped_tabs_and_foreign_line_ends_come_back_from_the_file(seed: int) -> None:
    new = TABBED.replace("return 3;", "return 33;").replace("if (a7)", "if (b7)")
    answer = swapped(new, random.Random(seed))
    assert answer != new
    files = {"f.c": TABBED.encode()}
    found = apply(formats.parse(f"f.c\n```\n{answer}```\n".replace("\n", "\r\n")), files.get)
    assert found.files["f.c"].content == new.encode()
    assert {step for _, _, step in found.steps} <= {"exact", "whitespace", "line ends"}


def test_added_lines_of_doubtful_indentation_are_refused() -> None:
    old = TABBED.replace("\treturn 5;", "    return 5;")
    answer = swapped(old, random.Random(1)).replace("int f5(void)\n{\n", "int f5(void)\n{\n        x();\n")
    with pytest.raises(EditRefused):
        run(old, answer)


def test_new_indentation_is_meant() -> None:
    old = "def f():\n    a()\n    b()\n    c()\n" * 3
    new = old.replace("    a()\n    b()\n", "    if x:\n        a()\n        b()\n", 1)
    assert run(old, new) == new
    assert run(TABBED, TABBED.replace("\t", "    ")) == TABBED.replace("\t", "    ")


def test_lost_blanks_at_line_ends_come_back_unless_they_were_cleaned_up() -> None:
    lines = [f"line {n}" + "  " * (n % 5 == 0) for n in range(40)]
    old = "\n".join(lines) + "\n"
    stripped = "".join(f"{line.rstrip()}\n" for line in lines)
    assert run(old, stripped.replace("line 17", "new")) == old.replace("line 17", "new")
    cleaned = old.replace("line 15  ", "line 15").replace("line 16", "new")
    assert run(old, cleaned) == cleaned
    assert run(old, stripped) == stripped


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        ("a\r\nb\r\n", "a\nx\nb\n", "a\r\nx\r\nb\r\n"),
        ("a\r\nb\nc\n", "a\nb\nx\n", "a\r\nb\nx\n"),
        ("a\nb", "x\nb\n", "x\nb"),
        ("a\nb", "a\nb\n", "a\nb\n"),
        ("a\r\nb\r\n", "x\ny\n", "x\r\ny\r\n"),
        ("a\n", "", ""),
        ("", "a\n", "a\n"),
    ],
)
def test_line_ends_are_the_files(old: str, new: str, want: str) -> None:
    assert run(old, new) == want


def test_an_answer_that_changes_nothing() -> None:
    assert run("a\nb\n", "a\nb\n") is None


LINES = st.lists(st.sampled_from(["a", "", "\tb", "    b", "\t\tc", "d  ", "e\tf"]), min_size=1, max_size=30)


@settings(max_examples=150)
@given(LINES, LINES, st.integers(0, 9))
def test_a_damaged_answer_never_touches_what_it_does_not_change(
    head: list[str], tail: list[str], seed: int
) -> None:
    """Lines far from the change are the file's, or the answer is refused."""
    old, new = ("".join(f"{line}\n" for line in [*head, word, *tail]) for word in ("old", "new"))
    answer = swapped(new, random.Random(seed))
    try:
        found = run(old, answer)
    except EditRefused:
        return
    assert found is not None
    lines, real = found.split("\n"), new.split("\n")
    assert [line.split() for line in lines] == [line.split() for line in real]
    if any(a != b for a, b in zip(answer.split("\n"), real, strict=True) if "    " in a) and lines != real:
        differing = [at for at, (a, b) in enumerate(zip(lines, real, strict=True)) if a != b]
        assert all(abs(at - len(head)) <= 4 for at in differing)
