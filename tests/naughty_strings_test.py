"""Strings that break programs come back as they were, from the command line through YAML, or are refused.

Acceptance 17: the Big List of Naughty Strings (tests/data/blns.json, as npm's `blns` 2.0.4 has it) and 3,000
strings made here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import refactory as program
from tests.conftest import Refactory
from tests.state.odd_values import ODD_TEXTS, PIECES

NAUGHTY: list[str] = json.loads((Path(__file__).parent / "data/blns.json").read_text(encoding="utf-8"))
_RANGES = [
    (0x20, 0x7E),
    (0, 0x1F),
    (0x7F, 0xFF),
    (0x300, 0x36F),
    (0x590, 0x6FF),
    (0x2000, 0x206F),
    (0x3040, 0x9FFF),
]
_RANGES += [(0xD800, 0xDFFF), (0xE000, 0xF8FF), (0xFE00, 0xFFFF), (0x1F300, 0x1FAFF), (0x10000, 0x10FFFF)]
_PIECES = [piece for piece in PIECES.elements if isinstance(piece, str)]


def made(count: int) -> Iterator[str]:
    """The same ones each time: pieces of syntax, characters of one script or of all, short and long."""
    chance = random.Random(17)
    for n in range(count):
        length = chance.choice([1, 2, 3, 8, 40, 300])
        if n % 3 == 0:
            yield "".join(chance.choices([*_PIECES, *ODD_TEXTS[:60]], k=min(length, 40)))
        else:
            ranges = _RANGES if n % 3 == 1 else [chance.choice(_RANGES)]
            yield "".join(chr(chance.randint(*chance.choice(ranges))) for _ in range(length))


def is_title(text: str) -> bool:
    return bool(text.strip()) and text.splitlines() == [text] and len(text) <= 500 and is_text(text)


def is_text(text: str) -> bool:
    """What a file of UTF-8 and a command line can hold."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def in_process(capsys: pytest.CaptureFixture[str], folder: Path, *args: str) -> tuple[int, Any]:
    code = program.main(["-C", str(folder), *args, "--json"])
    return code, json.loads(capsys.readouterr().out)["data"]


def check(capsys: pytest.CaptureFixture[str], folder: Path, texts: list[str]) -> int:
    """Each as description, and as title where it can be one; how many were refused."""
    refused = 0
    for text in texts:
        title = text if is_title(text) else "T"
        given = (f"--title={title}", f"--description={text}") if text != "-" else (f"--title={title}",)
        code, data = in_process(capsys, folder, "request:create", *given)
        assert code == (0 if is_text(text) else 2), repr(text)
        if code:
            refused += 1
            continue
        description = text if text != "-" else ""
        assert (data["title"], data["description"]) == (title, description)
        _, shown = in_process(capsys, folder, "request:show", str(data["id"]))
        assert shown == data
        in_file = yaml.load(file(folder, data["key"]).read_bytes(), yaml.CSafeLoader)
        assert (in_file["title"], in_file.get("description", "")) == (title, description)
    return refused


def file(folder: Path, key: str) -> Path:
    return folder / ".refactory/requests" / f"{key}.yaml"


def test_the_list_of_naughty_strings_comes_back(
    refactory: Refactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(NAUGHTY) == 485
    assert check(capsys, refactory.folder, NAUGHTY) == 0


@pytest.mark.slow
def test_three_thousand_made_strings_come_back_or_are_refused(
    refactory: Refactory, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = list(made(3000))
    refused = check(capsys, refactory.folder, texts)
    assert refused == sum(not is_text(text) for text in texts)
    assert len(list((refactory.folder / ".refactory/requests").glob("*.yaml"))) == 3000 - refused


@pytest.mark.parametrize(
    "title", ["", " ", "\u3000", "a\nb", "a\n", "a\r", "a\x85b", "a\u2028b", "a\x0bb", "x" * 501]
)
def test_what_is_no_title_is_refused(
    refactory: Refactory, capsys: pytest.CaptureFixture[str], title: str
) -> None:
    code, data = in_process(capsys, refactory.folder, "request:create", f"--title={title}")
    assert (code, data) == (2, None)
    assert not list((refactory.folder / ".refactory").glob("requests/*.yaml"))


def test_a_sample_comes_back_from_the_real_program(refactory: Refactory) -> None:
    texts = [text for text in NAUGHTY[::16] if is_title(text)]
    assert len(texts) > 24
    for text in texts:
        made = refactory.data("request:create", f"--title={text}", "--description", "-", input=f"{text}\n")
        assert (made["title"], made["description"]) == (text, f"{text}\n")
        in_file = yaml.load(file(refactory.folder, made["key"]).read_bytes(), yaml.CSafeLoader)
        assert (in_file["title"], in_file["description"]) == (text, f"{text}\n")


def test_bytes_that_are_no_text_are_refused(refactory: Refactory) -> None:
    """An argument of the system is bytes; Python shows those that are no UTF-8 as lone surrogates."""
    done = refactory.run("request:create", "--title", "caf\udce9")
    assert done.code == 2
    assert "U+DCE9" in done.err
    assert not list((refactory.folder / ".refactory").glob("requests/*.yaml"))
