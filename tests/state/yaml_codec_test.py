"""What is written: canonical, made to merge by line, and the same when read again."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import yaml
from hypothesis import given

from state.errors import UsageError
from state.yaml_codec import MAX_BYTES, dump
from state.yaml_reader import load
from tests.state.odd_values import ODD_TEXTS, RECORDS, same


@given(RECORDS)
def test_what_is_written_comes_back_as_it_was(record: dict[str, object]) -> None:
    data = dump(record)
    back = load(data, "x")
    assert same(back, record)
    assert dump(back) == data


@given(RECORDS)
def test_another_reader_sees_the_same(record: dict[str, object]) -> None:
    assert same(yaml.load(dump(record), yaml.CSafeLoader), record)


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_texts_survive_everywhere_in_a_record(text: str) -> None:
    key = text[:100]
    record: dict[str, object] = {
        key: text,
        "list": [text, [text, text], {key: text}],
        "end": {key: {"deep": text}},
    }
    data = dump(record)
    assert same(load(data, "x"), record)
    assert same(yaml.load(data, yaml.CSafeLoader), record)
    assert same(yaml.load(data, yaml.SafeLoader), record)


def test_the_written_form() -> None:
    record: dict[str, object] = {
        "id": 7,
        "title": "Résumé parser",
        "empty": [],
        "nothing": {},
        "owner": None,
        "ready": True,
        "cost": 0.25,
        "country": "no",
        "files": ["a.py", "b.py"],
        "steps": [{"run": "make", "env": {"A": "1"}}, ["x"]],
        "text": "one\n  two\n\nthree\n",
        "stripped": "one\ntwo",
        "kept": "one\n\n",
        "code": "\tif x:\n",
        "blanks": "one \n  two\x00\n",
        "last": "1:30",
    }
    assert dump(record).decode() == (
        "id: 7\ntitle: Résumé parser\nempty: []\nnothing: {}\nowner: null\nready: true\ncost: 0.25\n"
        'country: "no"\nfiles:\n  - a.py\n  - b.py\nsteps:\n  - run: make\n    env:\n      A: "1"\n  - - x\n'
        "text: |\n  one\n    two\n\n  three\nstripped: |-\n  one\n  two\nkept: |+\n  one\n\n"
        "code: |2\n  \tif x:\n"
        'blanks: "one \\n\\\n  \\  two\\0\\n"\nlast: "1:30"\n'
    )


@pytest.mark.parametrize(
    "lines", [["one", "two", "three"], ["one ", "two", " three"]], ids=["literal", "quoted"]
)
def test_a_changed_item_or_line_of_text_changes_one_line(lines: list[str]) -> None:
    def changed(before: dict[str, object], after: dict[str, object]) -> int:
        old, new = dump(before).splitlines(), dump(after).splitlines()
        assert len(old) == len(new)
        return sum(a != b for a, b in zip(old, new, strict=True))

    other = [lines[0], "other", lines[2]]
    assert changed({"a": lines, "b": 1}, {"a": other, "b": 1}) == 1
    assert changed({"a": "\n".join(lines)}, {"a": "\n".join(other)}) == 1


def test_an_added_item_adds_one_line() -> None:
    assert dump({"a": ["x", "z"], "b": 1}) == dump({"a": ["x", "new", "z"], "b": 1}).replace(
        b"  - new\n", b""
    )


def test_what_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(UsageError, match="nested deeper"):
        dump({"a": loop})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("\ud800", r"lone surrogate.*|U\+D800"),
        ("a\nb\udfff", r"U\+DFFF"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (2**63, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        (10**100, "64 bits"),
        ("x" * MAX_BYTES, "bytes"),
        ({"k" * 1001: 1}, "longer than 1000"),
        ({"\x01" * 300: 1}, "longer than 1000"),
        ({"\ud800": 1}, r"U\+D800"),
    ],
)
def test_what_no_file_can_hold_is_not_written(value: object, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        dump({"a": value})


@pytest.mark.parametrize("value", [{1: "a"}, {None: "a"}, {"a"}, b"a", object()])
def test_other_types_are_the_callers_mistake(value: object) -> None:
    with pytest.raises(TypeError):
        dump({"a": value})


def test_the_longest_key_comes_back() -> None:
    record: dict[str, object] = {"k" * 1000: {"é" * 1000: 1}}
    assert load(dump(record), "x") == record


def test_tuples_are_written_as_lists() -> None:
    assert dump({"a": (1, ()), "b": ()}) == dump({"a": [1, []], "b": []})


def test_writing_does_not_load_the_parser() -> None:
    script = (
        "import sys; from state.yaml_codec import dump; dump({'a': ['x']}); sys.exit('yaml' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)
