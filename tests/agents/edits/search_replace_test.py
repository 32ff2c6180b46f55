"""SEARCH/REPLACE blocks: lines of equals signs in the file, and blocks that lost lines."""

from __future__ import annotations

import pytest

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import EditRefused


def run(old: str, *blocks: tuple[str, str]) -> str:
    answer = "".join(
        f"f\n```\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n```\n"
        for search, replace in blocks
    )
    content = apply(formats.parse(answer, "search_replace"), {"f": old.encode()}.get).files["f"].content
    return (content or b"").decode()


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        ("Title\n=======\ntext\n", "Other\n=======\ntext\n"),
        ("Title\n=======\n", "Title\n-----\n"),
        ("text\n", "text\n\nMore\n=======\n"),
    ],
)
def test_a_line_of_equals_signs_may_be_the_files(search: str, replace: str) -> None:
    old = "Title\n=======\ntext\nend\n"
    assert run(old, (search, replace)) == old.replace(search, replace)


LIST = "".join(f"item {name}\n" for name in "abcdefgh")


def test_a_line_amid_the_replaced_ones_is_a_reason_to_refuse() -> None:
    """Whether the new lines go before or after `item d` can't be told."""
    with pytest.raises(EditRefused, match="amid"):
        run(
            LIST,
            ("item a\nitem b\nitem c\nitem e\nitem f\n", "item a\nitem b\nnew c\nnew\nnew e\nitem f\n"),
        )


def test_added_lines_at_the_edge_are_doubted_when_another_block_lost_a_line() -> None:
    edge = ("item c\n", "item c\nnew\n")
    lossy = ("item e\nitem g\nitem h\n", "item e\nitem g\nlast\n")
    assert run(LIST, edge) == LIST.replace(*edge)
    with pytest.raises(EditRefused, match="as they are elsewhere"):
        run(LIST, edge, lossy)


def test_a_last_line_without_newline_stands_before_the_mark() -> None:
    assert run("a\nb\n", ("b\n", "B")) == "a\nB\n"
    assert run("a\nb\n", ("a\n", "A"), ("b\n", "B\n")) == "A\nB\n"
    assert run("a\n", ("a\n", "x >>>>>>> REPLACE\ny\n")) == "x >>>>>>> REPLACE\ny\n"
    answer = "g\n```\n<<<<<<< SEARCH\n=======\nnew>>>>>>> REPLACE\n```\n"
    assert apply(formats.parse(answer, "search_replace"), {}.get).files["g"].content == b"new"
    with pytest.raises(EditRefused, match="cut off"):
        run("a\n", ("a\n", "b\n>>>>>>> REPLACED\n<<<<<<< SEARCH\n"))
