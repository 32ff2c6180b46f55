"""What records say reaches the terminal as text: it can't move the cursor, set the title or write the clipboard."""

from __future__ import annotations

import json

import pytest

from commands._output import encoded
from commands._progress import Progress
from commands._text import fields, printable, table
from tests.conftest import Refactory

EVIL = "a\x1b]0;owned\x07\x9b2Jb"
SHOWN = r"a\x1b]0;owned\x07\x9b2Jb"


def test_control_characters_are_shown_escaped() -> None:
    every = "".join(map(chr, [*range(32), *range(127, 160)]))
    assert printable(every).isascii()
    assert [c for c in printable(every) if not c.isprintable()] == ["\t", "\n"]
    assert printable("Übergröße ✓\r\n\tx") == "Übergröße ✓\n\tx"


def test_tables_and_fields_show_them_escaped() -> None:
    assert table(["title"], [[EVIL]]) == f"title\n{SHOWN}"
    assert fields([("title", EVIL), ("text", f"x\n\t{EVIL}")]) == f"title: {SHOWN}\ntext:\n  x\n  \t{SHOWN}"


def test_text_is_safe_and_json_exact(refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "x", "--description", EVIL)
    shown = refactory.ok("request:show", "1").out
    assert SHOWN in shown
    assert "\x1b" not in shown
    assert json.loads(refactory.ok("request:show", "1", "--json").out)["data"]["description"] == EVIL


def test_errors_are_safe(refactory: Refactory) -> None:
    done = refactory.run("request:show", EVIL)
    assert done.code == 2
    assert "\x1b" not in done.err
    assert "x1b" in done.err
    missing = refactory.run("-C", EVIL, "status")
    assert SHOWN in missing.err
    assert "\x1b" not in missing.err


def test_progress_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("plain").say(f"task 1 failed: {EVIL}")
    assert capsys.readouterr().err == f"task 1 failed: {SHOWN}\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::set-output name=a::b", r"\x3a:set-output name=a::b"),
        ("said:\n  ::stop-commands::x", "said:\n  \\x3a:stop-commands::x"),
        ("see ##[add-mask]x", r"see \x23#[add-mask]x"),
        ("##vso[task.setvariable variable=a]b", r"\x23#vso[task.setvariable variable=a]b"),
        ("tests/a.py::test_b, ## [x]", "tests/a.py::test_b, ## [x]"),
    ],
)
def test_a_log_gives_no_orders_to_the_runner(monkeypatch: pytest.MonkeyPatch, text: str, shown: str) -> None:
    """What a test or a model says is printed by `run`, in jobs whose logs GitHub and Azure read for commands."""
    monkeypatch.setenv("CI", "true")
    assert printable(text) == shown
    monkeypatch.delenv("CI")
    assert printable(text) == text


def test_text_can_not_reorder_what_is_shown() -> None:
    assert printable("a\u202eb\u2069") == r"a\u202eb\u2069"
    assert printable("\u05d0\u200f") == "\u05d0\u200f"


def test_json_holds_nothing_that_a_terminal_obeys() -> None:
    title = "\x1b[2J\x7f\x9b2J\u202e Übergröße\n"
    text = encoded({"title": title}, "json")
    assert json.loads(text) == {"title": title}
    assert all(char.isprintable() or char == "\n" for char in text) and "Übergröße" in text
