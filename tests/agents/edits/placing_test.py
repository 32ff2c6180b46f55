from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import EditRefused
from agents.edits.formats.unified_diff import parse


def run(text: str, *hunks: str) -> str:
    content = apply(parse("--- a/f\n+++ b/f\n" + "".join(hunks)), {"f": text.encode()}.get).files["f"].content
    assert content is not None
    return content.decode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (" a\n b\n-c\n+C\n e\n f\n", "a\nb\nC\nd\ne\nf\n"),
        (" a\n b\n-c\n+C\n+CC\n e\n f\n", "a\nb\nC\nCC\nd\ne\nf\n"),
        (" a\n b\n-c\n+C\n+D\n+E\n e\n f\n", None),  # some of them may go below d
        (" a\n b\n-c\n+  c\n e\n f\n", None),  # moved below d, or indented
        (" a\n b\n+C\n-d\n e\n f\n", None),  # models may write the new line first
    ],
)
def test_a_line_lost_beside_a_replacement(body: str, expected: str | None) -> None:
    if expected is not None:
        assert run("a\nb\nc\nd\ne\nf\n", f"@@\n{body}") == expected
        return
    with pytest.raises(EditRefused, match="before or after"):
        run("a\nb\nc\nd\ne\nf\n", f"@@\n{body}")


SEVERAL = st.lists(st.integers(0, 99).map("line {}".format), min_size=7, max_size=12, unique=True)


@given(SEVERAL, st.integers(2, 4), st.integers(1, 2))
def test_what_is_replaced_stays_where_it_was(lines: list[str], at: int, new: int) -> None:
    """Whichever unchanged line of the hunk is lost."""
    added = [f"new {n}" for n in range(new)]
    hunk = [f" {line}" for line in lines]
    hunk[at : at + 1] = [f"-{lines[at]}", *(f"+{line}" for line in added)]
    expected = "".join(f"{line}\n" for line in [*lines[:at], *added, *lines[at + 1 :]])
    for lost in [n for n, line in enumerate(hunk) if line[0] == " "]:
        kept = "".join(f"{line}\n" for n, line in enumerate(hunk) if n != lost)
        assert run("".join(f"{line}\n" for line in lines), f"@@\n{kept}") == expected


def test_a_paragraph_goes_below_an_empty_line() -> None:
    new = "+new();\n+\n"
    lost_above = run("a\n\nb\nc\n\nd\n", f"@@\n a\n \n{new} c\n \n d\n")
    assert lost_above == "a\n\nnew();\n\nb\nc\n\nd\n"
    assert run("a\nb\n\nd\ne\n", f"@@\n a\n b\n{new} d\n e\n") == "a\nb\n\nnew();\n\nd\ne\n"


def test_a_line_deeper_than_the_one_below_begins_no_paragraph() -> None:
    file = "a\n\nif (b) {\n  c\n  d\n}\n"
    with pytest.raises(EditRefused, match="before or after"):
        run(file, "@@\n a\n \n+  new\n+\n   c\n   d\n }\n")


def patch(*lines: str) -> str:
    body = "".join(f"{line}\n" for line in lines)
    answer = f"*** Begin Patch\n*** Update File: f\n@@\n{body}*** End Patch\n"
    content = apply(formats.parse(answer), {"f": b"f() {\n  a\n  b\n}\n"}.get).files["f"].content
    assert content is not None
    return content.decode()


@pytest.mark.parametrize("first", ["end:", "#endif", "} {", "  c", "\tc"])
def test_lines_above_a_closing_bracket(first: str) -> None:
    assert patch("   a", "   b", f"+{first}") == f"f() {{\n  a\n  b\n{first}\n}}\n"


@pytest.mark.parametrize("first", ["g() {", "int g;"])
def test_lines_that_go_below_a_closing_bracket_that_was_lost(first: str) -> None:
    with pytest.raises(EditRefused, match="closing bracket above its added lines"):
        patch("   a", "   b", "+", f"+{first}")
    assert patch("   a", "   b", " }", "+", f"+{first}") == f"f() {{\n  a\n  b\n}}\n\n{first}\n"


@pytest.mark.parametrize("new", ["+new();\n", "+\n+new();\n", "+\n+new();\n+\n"])
def test_what_is_no_paragraph_may_stand_on_either_side(new: str) -> None:
    with pytest.raises(EditRefused, match="before or after"):
        run("a();\nb();\n\nd();\ne();\n", f"@@\n a();\n b();\n{new} d();\n e();\n")


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.booleans())
def test_a_lost_line_is_never_put_between_added_ones(sizes: list[int], is_last: bool) -> None:
    """A hunk that lost a line adds all of its lines in one place or is refused."""
    new = [line for size in sizes for line in [*(f"new {n}" for n in range(size)), ""]][
        : None if is_last else -1
    ]
    try:
        text = run("a\nb\n\nd\ne\n", "@@\n a\n b\n", "".join(f"+{line}\n" for line in new), " d\n e\n")
    except EditRefused:
        return
    assert text.split("\n") == ["a", "b", "", *new, "d", "e", ""]
    assert is_last


BLOCK = " start\n-same\n+new\n other\n"
BLOCKS = st.lists(st.integers(0, 3), min_size=2, max_size=5)


@given(BLOCKS, st.data())
def test_a_hunk_goes_where_both_its_numbers_say(gaps: list[int], data: st.DataObject) -> None:
    lines = [line for gap in gaps for line in [*(["gap"] * gap), "start", "same", "other"]]
    lines = ["first", "second", "third", *lines, "last but one", "last"]
    starts = [at for at, line in enumerate(lines, 1) if line == "start"]
    line = data.draw(st.integers(1, len(lines)) | st.sampled_from(starts))
    shift = data.draw(st.sampled_from([1, 0, 2, -1]))
    hunks = [
        "@@ -40,3 +40,4 @@\n first\n second\n+new\n third\n",
        f"@@ -{line},3 +{max(0, line + shift)},3 @@\n{BLOCK}",
    ]
    text = "".join(f"{line}\n" for line in lines)
    if line in starts and shift == 1:
        at = sum(map(len, text.splitlines(keepends=True)[: line - 1]))
        wanted = text[:at] + text[at:].replace("same", "new", 1)
        assert run(text, *hunks) == wanted.replace("third", "new\nthird", 1)
    else:
        with pytest.raises(EditRefused, match="several places fit"):
            run(text, *hunks)


ORDERED = "one\nstart\nsame\nother\ntwo\nstart\nsame\nother\nthree\n"


def test_numbers_that_are_wrong_tell_the_order_of_hunks() -> None:
    """The ambiguous hunk stands between its neighbours, as its number does, or where the one like it leaves it."""
    one, two = "@@ -{},1 +9,1 @@\n-one\n+ONE\n", "@@ -{},1 +9,1 @@\n-two\n+TWO\n"
    block = "@@ -{},3 +9,3 @@\n" + BLOCK
    other = "@@ -{},3 +9,3 @@\n start\n-same\n+more\n other\n"
    assert run(ORDERED, two.format(15), block.format(17)).endswith("TWO\nstart\nnew\nother\nthree\n")
    assert run(ORDERED, block.format(15), two.format(17)).startswith("one\nstart\nnew\nother\nTWO\n")
    both = run(ORDERED, block.format(15), other.format(17))
    assert both == ORDERED.replace("same", "new", 1).replace("same", "more", 1)
    for hunks in ([block.format(15), two.format(12)], [one.format(15), block.format(17)]):
        with pytest.raises(EditRefused, match="several places fit"):
            run(ORDERED, *hunks)
