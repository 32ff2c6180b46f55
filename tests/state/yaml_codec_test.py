from __future__ import annotations

import math
import subprocess
import sys

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from state.errors import InvalidFile, UsageError
from state.yaml_codec import MAX_BYTES, MAX_DEPTH, dump, load

# fmt: off
PIECES = st.sampled_from([
    "\n", "\n\n", "  ", "\t", "\r\n", "\x85", "\u2028", "\ufeff", "\x00", "\x7f", "\ufffe", "\U0010ffff",
    "\xa0", ": ", " #", "- ", "|", "---", "...", "'", '"', "\\", "<<", "<<<<<<<", "&a", "*a", "!t",
    "%", "?", "@", "`", ",", "[", "}", "~", "=", "-", "no", "1", "0x", "1e", ":", ".", "_", "é",
])
WORDS = """
no NO Yes on off y N null Null ~ true TRUE 010 0o7 0x1F 0b1 1 -1 +1 1.5 -.5 .5 1. 1e3 1E+3 1:30 190:20:30
1_000 1,000 12e03 .inf -.INF .nan .NaN 2026-11-22 2026-1-2 2026-11-22T18:00:00Z = << <<<<<<< ======= - -- ---
... .. . ? : :a a: a:b #a a#b &a *a !a !!str %a @a `a | > |- 'a' "a" {a} [a] ,a a,b {} [] \\n ~/a ./a /a
7-k3f9q2mx 9223372036854775808 -0 1e999
"""
ODD_TEXTS = [
    *WORDS.split(),
    "", " ", "\n", "\n\n", " \n", "\t", " a", "a ", "a\t", "\ta", "a\tb", "a: b", "a #b", "... a", "--- a",
    "2001-01-01 00:00:00", "a\n", "a\nb", "a\n\n", "a\n\n\n", "\na", "\n\na\n", " a\nb", "\ta\nb",
    "a\n b\n\tc\n", "a \nb", "a\t\nb\n", "a\n \n", "a\n ", "# a\n# b\n", "---\na\n...\n",
    "<<<<<<< x\n=======\n>>>>>>> y\n", "a\r\nb\r\n", "a\rb", "a\x85b", "a\x85\nb", "a\u2028b", "a\u2029b\n",
    "a\n  \u2028 b\n   c", "\ufeff", "\ufeffa\nb", "\x00", "\x1b[0m", "\x7f", "\ufffe", "\uffff", "é",
    "日本語: テスト", "\U0001f468\u200d\U0001f469", "\u3000a", "a\xa0", '"a" \\ \nb', "x" * 5000,
    "word " * 1000 + "end", "word " * 1000 + "\n" + "long " * 1000,
]
NUMBERS_AND_CONSTANTS = [
    ("null", None), ("~", None), ("", None), ("true", True), ("false", False), ("0", 0), ("-12", -12),
    ("1.5", 1.5), ("1e3", 1000.0), ("-0.5E-2", -0.005), (str(2**63 - 1), 2**63 - 1),
    (str(-(2**63)), -(2**63)),
]
PLAIN_WORDS = """
no on Yes NULL True 010 -01 0o7 0x1F 1:30 1_000 +1 1. .5 .inf .nan 2026-11-22 2026-11-22T18:00:00Z 1e999
"""
# fmt: on
# Lone surrogates are the one thing that no UTF-8 file can hold.
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.lists(PIECES, max_size=6).map("".join)
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
RECORDS = st.dictionaries(TEXT, VALUES, max_size=5)


def same(left: object, right: object) -> bool:
    """Equal in value, type and order of keys: 1 is neither True nor 1.0, 0.0 is not -0.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and repr(left) == repr(right)


def refused(data: bytes | str) -> InvalidFile:
    with pytest.raises(InvalidFile) as caught:
        load(data.encode() if isinstance(data, str) else data, "tasks/7.yaml")
    assert caught.value.hint
    return caught.value


def nested(depth: int) -> dict[str, object]:
    value: list[object] = []
    for _ in range(depth - 2):
        value = [value]
    return {"a": value}


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


@given(st.binary(max_size=200) | TEXT.map(str.encode))
@example(b"\xff\xfea\x00")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        record = load(data, "x")
    except InvalidFile as error:
        assert error.message.startswith("x:")
    else:
        assert same(load(dump(record), "x"), record)


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
    ("data", "line", "reason"),
    [
        ("", 1, "empty"),
        ("\n# only a comment\n", 3, "empty"),
        ("- a\n", 1, "no mapping"),
        ("\ntext\n", 2, "no mapping"),
        ("---\n", 2, "no mapping"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands here a second time"),
        ('a: 1\n"a": 2\n', 2, "second time"),
        ("x:\n  - {a: 1,\n     a: 2}\n", 3, "second time"),
        ("a: 1\nb: &x 2\n", 2, "anchor"),
        ("&x a: 1\n", 1, "anchor"),
        ("a: 1\n&x b: 1\n", 2, "anchor"),
        ("--- &x\na: 1\n", 1, "anchor"),
        ("a: 1\nb:\n  - *x\n", 3, "alias"),
        ("a: 1\n*x : 1\n", 2, "alias"),
        ("a: 1\nb: !!str 2\n", 2, "tag"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "tag"),
        ("a: ! 2\n", 1, "tag"),
        ("!!map {a: 1}\n", 1, "tag"),
        ("a: 1\n!!str b: 2\n", 2, "tag"),
        ("a: 1\nb:\n  <<: {c: 1}\n", 3, "merge key"),
        ("a: 1\n2: b\n", 2, "no text"),
        ("true: b\n", 1, "no text"),
        ("a: 1\n? \n: b\n", 2, "no text"),
        ("a: 1\n[b]: 2\n", 2, "list or mapping"),
        ("? {b: 1}\n: 2\n", 1, "list or mapping"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: 1\n...\n---\nb: 2\n", 3, "second document"),
        ("a: 1\nb: [\n", 3, "did not find"),
        ("a: 1\n\tb: 1\n", 2, "tab"),
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed"),
        ('a: 1\nb: "\\ud800"\n', 2, "invalid Unicode"),
        ("a: 1\nb: x\x00y\n", 2, "U+0000"),
        ("a: 1\nb: x\x07y\n", 2, "U+0007"),
        ("a: 1\nb: x\x85y\n", 2, "U+0085"),
        ("a: 1\nb: |\n  x\u2028y\n", 3, "U+2028"),
        ("a: 1\n\ufeffb: 2\n", 2, "U+FEFF"),
        (b"a: 1\nb: caf\xe9\n", 2, "not UTF-8: byte 0xe9"),
        (b"\xef\xbb\xbfa: 1\nb: \xed\xa0\x80\n", 2, "not UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
        (b"a: 1\n" + b"#" * MAX_BYTES, 1, "bytes"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> main\n", 2, "unresolved merge conflict"),
        ("<<<<<<< HEAD\na: 1\n", 1, "unresolved merge conflict"),
        ('a: "x\\n\\\n<<<<<<< ours: x\n  y"\n', 2, "unresolved merge conflict"),
        ("a: 1\n>>>>>>> main\n", 2, "unresolved merge conflict"),
    ],
)
def test_refusals_name_file_and_line(data: bytes | str, line: int, reason: str) -> None:
    error = refused(data)
    assert error.message.startswith(f"tasks/7.yaml:{line}: ")
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


def test_what_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(UsageError, match="nested deeper"):
        dump({"a": loop})


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
    "open quote": "'a: \"' + 'x\\n ' * 1_000_000",
}
SCRIPT = """
import sys
from state.errors import InvalidFile
from state.yaml_codec import load
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


def test_pyyaml_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    record: dict[str, object] = {"a": [1, "no", {"b": "x\ny\n"}], "c": "1", "d": None, "e": "two \nlines"}
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert load(dump(record), "x") == record
    assert refused("a: 1\na: 2\n").message.startswith("tasks/7.yaml:2: ")
    assert refused("a: " + "[" * 10_000).message.startswith("tasks/7.yaml:1: nested")
    assert refused("a: 1\nb: [\n").message.startswith("tasks/7.yaml:3: ")


def test_writing_does_not_load_the_parser() -> None:
    script = (
        "import sys; from state.yaml_codec import dump; dump({'a': ['x']}); sys.exit('yaml' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)
