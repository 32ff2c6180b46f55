"""What people and machines wrote by hand is read or refused, never misread, in bounded time."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from state.errors import InvalidFile, UsageError
from state.yaml_codec import MAX_BYTES, MAX_DEPTH, MAX_NODES, dump
from state.yaml_reader import load
from tests.state.odd_values import TEXT, nested, same

# fmt: off
NUMBERS_AND_CONSTANTS = [
    ("null", None), ("~", None), ("", None), ("true", True), ("false", False), ("0", 0), ("-12", -12),
    ("1.5", 1.5), ("1e3", 1000.0), ("-0.5E-2", -0.005), (str(2**63 - 1), 2**63 - 1),
    (str(-(2**63)), -(2**63)),
]
PLAIN_WORDS = """
no on Yes NULL True 010 -01 0o7 0x1F 1:30 1_000 +1 1. .5 .inf .nan 2026-11-22 2026-11-22T18:00:00Z 1e999
"""
# fmt: on


def refused(data: bytes | str) -> InvalidFile:
    with pytest.raises(InvalidFile) as caught:
        load(data.encode() if isinstance(data, str) else data, "tasks/7.yaml")
    assert caught.value.hint
    return caught.value


@given(st.binary(max_size=200) | TEXT.map(str.encode))
@example(b"\xff\xfea\x00")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        record = load(data, "x")
    except InvalidFile as error:
        assert error.message.startswith("x:")
    else:
        assert same(load(dump(record), "x"), record)


@pytest.mark.parametrize(("plain", "value"), NUMBERS_AND_CONSTANTS)
def test_plain_values_that_are_no_text(plain: str, value: object) -> None:
    assert same(load(f"a: {plain}\n".encode(), "x"), {"a": value})


NO_NUMBERS = [str(2**63), str(-(2**63) - 1), "9" * 5000, "1:" * 1000 + "1", "\u0661"]


@pytest.mark.parametrize("plain", [*PLAIN_WORDS.split(), *NO_NUMBERS])
def test_all_other_plain_values_are_text(plain: str) -> None:
    assert load(f"a: {plain}\n".encode(), "x") == {"a": plain}


def test_quoted_values_are_text() -> None:
    assert load(b"a: 'null'\nb: \"1\"\nc: |-\n  true\n'1': >-\n  1\n\"<<\": ''\n", "x") == {
        "a": "null", "b": "1", "c": "true", "1": "1", "<<": "",
    }  # fmt: skip


def test_hand_written_forms_are_read() -> None:
    data = b"\xef\xbb\xbf# a comment\r\n---\r\na: {b: [1, x]}\r\nc: |\r\n  one\r\n  two\r\n...\r\n"
    assert load(data, "x") == {"a": {"b": [1, "x"]}, "c": "one\ntwo\n"}


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        ("", "1:1", "empty"),
        ("\n# only a comment\n", "3:1", "empty"),
        ("- a\n", "1:1", "no mapping"),
        ("\ntext\n", "2:1", "no mapping"),
        ("---\n", "2:1", "no mapping"),
        ("a: 1\nb: 2\na: 3\n", "3:1", "the key 'a' stands here a second time"),
        ('a: 1\n"a": 2\n', "2:1", "second time"),
        ("x:\n  - {a: 1,\n     a: 2}\n", "3:6: x[0]", "second time"),
        ("a: 1\nb: &x 2\n", "2:4: b", "anchor"),
        ("&x a: 1\n", "1:1", "anchor"),
        ("a: 1\n&x b: 1\n", "2:1", "anchor"),
        ("--- &x\na: 1\n", "1:5", "anchor"),
        ("a: 1\nb:\n  - *x\n", "3:5: b[0]", "alias"),
        ("a: 1\n*x : 1\n", "2:1", "alias"),
        ("a: 1\nb: !!str 2\n", "2:4: b", "tag"),
        ("a: !!python/object/apply:os.system [id]\n", "1:4: a", "tag"),
        ("a: ! 2\n", "1:4: a", "tag"),
        ("!!map {a: 1}\n", "1:1", "tag"),
        ("a: 1\n!!str b: 2\n", "2:1", "tag"),
        ("a: 1\nb:\n  <<: {c: 1}\n", "3:3: b", "merge key"),
        ("a: 1\n2: b\n", "2:1", "no text"),
        ("true: b\n", "1:1", "no text"),
        ("a: 1\n? \n: b\n", "2:2", "no text"),
        ("a: 1\n[b]: 2\n", "2:1", "list or mapping"),
        ("? {b: 1}\n: 2\n", "1:3", "list or mapping"),
        ("a: 1\n---\nb: 2\n", "2:1", "second document"),
        ("a: 1\n...\n---\nb: 2\n", "3:1", "second document"),
        ("a: 1\nb: [\n", "3:1: b[0]", "did not find"),
        ("a: 1\n\tb: 1\n", "2:1: a", "tab"),
        ("a: 1\nb: c: d\n", "2:5", "mapping values are not allowed"),
        ('a: 1\nb: "\\ud800"\n', "2:7: b", "invalid Unicode"),
        ("a: 1\nb: x\x00y\n", "2:5", "U+0000"),
        ("a: 1\nb: x\x07y\n", "2:5", "U+0007"),
        ("a: 1\nb: x\x85y\n", "2:5", "U+0085"),
        ("a: 1\nb: |\n  x\u2028y\n", "3:4", "U+2028"),
        ("a: 1\n\ufeffb: 2\n", "2:1", "U+FEFF"),
        (b"a: 1\nb: caf\xe9\n", "2:7", "not UTF-8: byte 0xe9"),
        (b"\xef\xbb\xbfa: 1\nb: \xed\xa0\x80\n", "2:4", "not UTF-8"),
        ("a: 1\n".encode("utf-16"), "1:1", "not UTF-8"),
        (b"a: 1\n" + b"#" * MAX_BYTES, "1:1", "bytes"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> main\n", "2:1", "unresolved merge conflict"),
        ("<<<<<<< HEAD\na: 1\n", "1:1", "unresolved merge conflict"),
        ('a: "x\\n\\\n<<<<<<< ours: x\n  y"\n', "2:1", "unresolved merge conflict"),
        ("a: 1\n>>>>>>> main\n", "2:1", "unresolved merge conflict"),
        ("%TAG ! x\na: 1\n", "1:1", "begins with %"),
        ("# c\n%YAML 1.2\n---\na: 1\n", "2:1", "begins with %"),
        ("a: 1\r\n...\r\n%TAG ! x\r\n", "3:1", "begins with %"),
        ("a:\n  b:\n    - é: {c: [1, *x]}\n", "3:18: a.b[0].é.c[1]", "alias"),
        ("a: [1, {b c: !t 2}]\n", "1:14: a[1].'b c'", "tag"),
        (b"a: 1\nb: \xc3\xa9\xff\n", "2:5", "not UTF-8"),
    ],
)
def test_refusals_name_the_place_and_the_key(data: bytes | str, place: str, reason: str) -> None:
    error = refused(data)
    assert error.message.startswith(f"tasks/7.yaml:{place}: ")
    assert reason in error.message


def test_a_merge_conflict_says_what_to_do() -> None:
    assert "marker" in refused("a: 1\n<<<<<<< HEAD\n").hint


def test_refusals_stay_short() -> None:
    long = "x" * 900
    for data in (f"{long}: 1\n{long}: 2\n", f"a: &{long} 1\n", f"a: !{long} 1\n", f"0.{'1' * 900}: 1\n"):
        assert len(refused(data).message) < 150


def test_depth_is_limited_alike_in_both_directions() -> None:
    deepest = nested(MAX_DEPTH)
    assert load(dump(deepest), "x") == deepest
    with pytest.raises(UsageError, match="nested deeper"):
        dump(nested(MAX_DEPTH + 1))
    assert "nested deeper" in refused("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH).message


def test_keys_and_values_are_limited_alike_in_both_directions() -> None:
    # Beside the texts there are two mappings, their keys, and the list.
    fits: dict[str, object] = {"a": {"b": ["x"] * (MAX_NODES - 5)}}
    assert load(dump(fits), "x") == fits
    with pytest.raises(UsageError, match="keys and values"):
        dump({"a": {"b": ["x"] * (MAX_NODES - 4)}})
    assert "keys and values" in refused("a: [" + "x," * MAX_NODES + "]").message


MERGES = "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 10))
BOMBS = {
    "flow lists": "'[' * 100_000",
    "flow lists below a key": "'a: ' + '[' * 100_000",
    "flow lists, a line each": "'a:\\n' + ' [\\n' * 100_000",
    "flow mappings": "'{a: ' * 100_000",
    "block lists": "'- ' * 100_000",
    "block lists below a key": "'a:\\n  ' + '- ' * 100_000",
    "explicit keys": "'? ' * 100_000",
    "block mappings": "''.join(' ' * i + 'a:\\n' for i in range(2_000))",
    "indentation over the size": "''.join(' ' * i + 'a:\\n' for i in range(4_000))",
    "merge keys": repr("a0: &a0 {k: v}\n" + MERGES),
    "sexagesimal": "'1:' * 1_000_000 + '1'",
    "sexagesimal key": "'1:' * 1_000_000 + '1: 2'",
    "anchor": "'a: &' + 'x' * 4_000_000",
    "directives": "''.join(f'%TAG !{n}! x\\n' for n in range(200_000))",
    "directives at the end": "'a: 1\\n...\\n' + ''.join(f'%TAG !{n}! x\\n' for n in range(200_000))",
    "flow scalars": "'a: [' + 'a,' * 2_000_000",
    "open quote": "'a: \"' + 'x\\n ' * 1_000_000",
}
SCRIPT = """
import sys
from state.errors import InvalidFile
from state.yaml_reader import load
try:
    load(eval(sys.argv[1]).encode(), "bomb")
except InvalidFile as error:
    print(error.message)
"""


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_refused_without_crash_or_stall(bomb: str) -> None:
    command = [sys.executable, "-c", SCRIPT, bomb]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.startswith("bomb:")
    assert len(done.stdout) < 150


def test_pyyaml_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    record: dict[str, object] = {"a": [1, "no", {"b": "x\ny\n"}], "c": "1", "d": None, "e": "two \nlines"}
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert load(dump(record), "x") == record
    assert refused("a: 1\na: 2\n").message.startswith("tasks/7.yaml:2:1: ")
    assert "nested" in refused("a: " + "[" * 10_000).message
    assert refused("a: 1\nb: [\n").message.startswith("tasks/7.yaml:3:1: ")
