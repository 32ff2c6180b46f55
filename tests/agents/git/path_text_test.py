from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from agents.git.path_text import meant, shown


def test_a_path_is_shown_in_one_printable_line() -> None:
    assert shown("añ/b c.txt") == "añ/b c.txt"
    assert shown(os.fsdecode(b"caf\xe9\n\x1b[31m")) == r"caf\xe9\n\x1b[31m"


@given(st.binary())
def test_any_bytes_are_shown(name: bytes) -> None:
    assert shown(os.fsdecode(name)).encode().decode().isprintable()
    assert os.fsencode(meant(shown(os.fsdecode(name)))) == name


@given(st.text())
def test_any_text_is_shown(name: str) -> None:
    assert shown(name).isprintable()
    assert meant(shown(name)) == name
