from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.plan.scopes import overlaps


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("src/a.py", "src/a.py", True),
        ("src/a.py", "src/b.py", False),
        ("src", "src/deep/a.py", True),
        ("src/", "src2/a.py", False),
        ("./src/", "src/**", True),
        ("**/a.py", "x/y/a.py", True),
        ("**/a.py", "x/y/b.py", False),
        ("*.py", "src/a.py", True),
        ("*.py", "src/a.md", False),
        ("src/*.py", "src/test_*", True),
        ("src/a*", "src/b*", False),
        ("src/*/a", "src/b/*", True),
        ("[ab].py", "c.py", True),
        ("README.md", "src/", False),
        ("**", "anything", True),
        ("a?c", "abc", True),
        ("x/a?c", "x/abd", False),
        ("docs.d/", "docs.d/a.py", True),
        (".github", ".github/a.yml", True),
    ],
)
def test_overlap(one: str, other: str, common: bool) -> None:
    assert bool(overlaps([one], [other])) is common
    assert bool(overlaps([other], [one])) is common


def test_what_is_named() -> None:
    assert overlaps(["a", "b/"], ["b/c", "a"]) == ["a", "b/ ~ b/c"]
    assert overlaps([], ["a"]) == []
    assert overlaps(["!docs/"], ["a"]) == ["** ~ a"]
    assert overlaps(["src/", "!src/a"], ["x"]) == []


def test_long_globs_are_not_compared_for_ever() -> None:
    assert overlaps(["*a" * 10_000], ["*b" * 10_000])


GLOBS = st.text(alphabet="ab*?", min_size=1, max_size=6).filter(lambda glob: "**" not in glob)


@given(GLOBS, GLOBS, st.text(alphabet="ab", max_size=6))
def test_no_common_name_is_missed(one: str, other: str, name: str) -> None:
    if fnmatchcase(name, one) and fnmatchcase(name, other):
        assert overlaps([f"x/{one}"], [f"x/{other}"])
