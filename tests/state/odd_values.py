"""Values that are easily misread, and what it means that one came back as it was."""

from __future__ import annotations

from hypothesis import strategies as st

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


def nested(depth: int) -> dict[str, object]:
    value: list[object] = []
    for _ in range(depth - 2):
        value = [value]
    return {"a": value}
