"""From a pair of texts to an answer in each format and back; an ambiguous place is never guessed."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import EditRefused

LINES = st.lists(
    st.sampled_from(["a", "b", "c d", "", "  e", "f()", "- g", "+ h", "é"]), min_size=1, max_size=10
)


def answer(name: str, old: list[str], new: list[str]) -> str:
    lines = [line for line in difflib.ndiff(old, new) if line[0] != "?"]
    body = "".join(f"{line[0]}{line[2:]}\n" for line in lines)
    if name == "diff":
        return f"--- a/f\n+++ b/f\n@@ -1,{len(old)} +1,{len(new)} @@\n{body}"
    if name == "apply_patch":
        return f"*** Begin Patch\n*** Update File: f\n@@\n{body}*** End Patch\n"
    before, after = ("".join(f"{line}\n" for line in side) for side in (old, new))
    if name == "search_replace":
        return f"f\n```\n<<<<<<< SEARCH\n{before}=======\n{after}>>>>>>> REPLACE\n```\n"
    return f"f\n```\n{after}```\n"


@pytest.mark.parametrize("name", formats.FORMATS)
@settings(max_examples=60)
@given(old=LINES, new=LINES)
def test_round_trip(name: formats.Name, old: list[str], new: list[str]) -> None:
    assume(old != new and any(old))
    data = "".join(f"{line}\n" for line in old).encode()
    applied = apply(formats.parse(answer(name, old, new), name), {"f": data}.get)
    assert applied.files["f"].content == "".join(f"{line}\n" for line in new).encode()


@pytest.mark.parametrize("name", ["diff", "search_replace", "apply_patch"])
@settings(max_examples=40)
@given(block=LINES, between=LINES)
def test_two_places_are_refused(name: formats.Name, block: list[str], between: list[str]) -> None:
    assume(any(block))
    old = ["x", *block, "y"]
    data = "".join(f"{line}\n" for line in ["top", *old, *between, *old, "end"]).encode()
    said = answer(name, old, [*old[:-1], "new", "y"]).replace("@@ -1,", "@@ -40,")
    try:
        apply(formats.parse(said, name), {"f": data}.get)
    except EditRefused:
        return
    assert name == "apply_patch" and len(block) >= 2, "only its own rule, with all context, takes the first"
