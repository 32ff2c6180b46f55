"""What `dump` wrote is read back without the YAML parser; everything else is left to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state import yaml_reader
from state.canonical import load, read
from state.errors import InvalidFile
from state.record_files import encode, header
from state.records import Budgets, Orchestration, Task
from state.yaml_codec import dump
from state.yaml_reader import load as load_any

WORDS = st.sampled_from(
    [
        "a",
        "B: c",
        "- x",
        "a:",
        "no",
        "1",
        "1.5",
        "",
        "~",
        " pad",
        "#",
        "a #b",
        "é",
        "x\n",
        "\n",
        "|",
        '"q"',
        "\\",
    ]
)
TEXTS = st.lists(WORDS, max_size=5).map("".join) | st.lists(WORDS, max_size=5).map("\n".join) | st.text()
SCALARS = TEXTS | st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
CODEPOINTS = st.characters(exclude_categories=["Cs"])


@given(st.dictionaries(st.text(CODEPOINTS), VALUES, max_size=4))
def test_it_reads_as_the_strict_reader_does(value: dict[str, object]) -> None:
    try:
        data = dump(value)
    except Exception:
        return
    assert read(data) in (None, value)
    assert load(data, "f") == value


@given(st.lists(st.sampled_from(["a: 1\n", "b:\n", "  - c\n", "  d: |\n", "    e\n", "\n", "- ", "  ", "a"])))
def test_whatever_it_accepts_the_strict_reader_reads_the_same(lines: list[str]) -> None:
    data = "".join(lines).encode()
    value = read(data)
    if value is not None:
        assert load_any(data, "f") == value


def task() -> Task:
    return Task(
        key="1-abcdefgh", plan="1-abcdefgh", title="Fix: it's \"no\" #1", detail="a\n\n  b: c\n- d\n\n",
        scope=["src/*.py", "*"], acceptance=["x: y", "test -f a"], state="assigned", agent="null",
    )  # fmt: skip


def test_records_need_no_yaml_parser() -> None:
    budgets = Budgets(attempts=2, minutes=1.5)
    orchestration = Orchestration(
        key="1-abcdefgh", plan="1-a", target_branch="1", base="0" * 40, budgets=budgets
    )
    for record in (task(), orchestration):
        first = header(type(record))
        assert encode(record).startswith(first)
        assert read(encode(record).removeprefix(first)) == load_any(encode(record), "f")


@pytest.mark.parametrize(
    "text",
    ["a: 1\r\n", "a: 1", "# c\na: 1\n", "a:  1\n", "a: 1\na: 1\n", "a: 'x'\n", "a: [1]\n", "a: &x 1\n", "",
     "\n", "a: |\n  x", "b: |-\n  x\n\n", "a: \x00\n", "<<: 1\n", "a: 01x # y\n", "{}\n", "- a\n", "a: \"x\\\n"],
)  # fmt: skip
def test_what_is_not_canonical_is_left_to_the_strict_reader(text: str) -> None:
    assert read(text.encode()) is None


COMMENTS = st.sampled_from(
    ["# c", "#", "  # c: 1", "      #", "", "  ", "\t", "\t# c", "# \r", "# \0", "#a: 1", " - # c"]
)


@given(
    st.dictionaries(st.text(CODEPOINTS), VALUES, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 12), COMMENTS), min_size=1, max_size=4),
)
def test_comments_between_lines_mean_what_the_strict_reader_says(
    value: dict[str, object], comments: list[tuple[int, str]]
) -> None:
    lines = dump(value).decode().split("\n")
    for at, comment in comments:
        lines.insert(at % len(lines), comment)
    data = "\n".join(lines).encode()
    assert outcome(load, data) == outcome(load_any, data)


def outcome(reader: Callable[[bytes, str], dict[str, object]], data: bytes) -> object:
    try:
        return reader(data, "f")
    except InvalidFile as error:
        return error.message


def test_a_configuration_with_comments_needs_no_yaml_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "load", None)
    text = b"# What it is\nversion: 1\n\n#agents: 2\ncoder:\n  # offline\n  backend: scripted\n"
    assert load(text, "f") == {"version": 1, "coder": {"backend": "scripted"}}


def test_only_our_own_first_line_may_be_a_comment() -> None:
    ours, other = b"# ours\n", b"# other\n"
    assert load(ours + b"a: 1\n", "f", ours) == load(b"a: 1\n", "f", ours) == {"a": 1}
    assert load(other + b"a: 1\n", "f", ours) == {"a": 1}, "by the strict reader"
    with pytest.raises(InvalidFile, match=r"f:3:1: "):
        load(ours + b"a: 1\na: 2\n", "f", ours)


@pytest.mark.parametrize(
    "text", ["a: |\n" + "  x\n" * 20_000, 'a: "' + "\\t" * 20_000 + '"\n', "a:\n  - - x\n"]
)
def test_what_would_take_it_long_is_left_to_the_strict_reader(text: str) -> None:
    assert read(text.encode()) is None
    assert dump(load(text.encode(), "f")) == text.encode()


def test_nesting_without_end_is_refused_not_crashed_on() -> None:
    data = b"a:\n" + b"".join(b" " * n + b"a:\n" for n in range(2, 4000, 2))
    assert read(data) is None
    with pytest.raises(InvalidFile):
        load(data, "f")


def test_a_record_is_read_without_importing_yaml(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_bytes(encode(task()))
    program = (
        "import sys; from pathlib import Path; from state.record_files import decode; from state.records import Task;"
        f"decode(Task, Path({str(path)!r}).read_bytes(), 'f', '1-abcdefgh'); sys.exit('yaml' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False).returncode
        == 0
    )
