from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pytest

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import EditRefused

FILES = {"src/a.py": b"def f(x):\n    return x\n\n\ndef g(x):\n    return -x\n", "old.txt": b"gone\n"}

ANSWERS: dict[formats.Name, str] = {
    "diff": (
        "```diff\n--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@\n def f(x):\n-    return x\n+    return 2 * x\n"
        "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+hi\n--- a/old.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n```\n"
    ),
    "search_replace": (
        "src/a.py\n```python\n<<<<<<< SEARCH\n    return x\n=======\n    return 2 * x\n>>>>>>> REPLACE\n```\n\n"
        "new.txt\n```\n<<<<<<< SEARCH\n=======\nhi\n>>>>>>> REPLACE\n```\n\nDELETE old.txt\n"
    ),
    "apply_patch": (
        "Here:\n\n```\n*** Begin Patch\n*** Update File: src/a.py\n@@ def f(x):\n-    return x\n+    return 2 * x\n"
        "*** Add File: new.txt\n+hi\n*** Delete File: old.txt\n*** End Patch\n```\n"
    ),
    "whole_file": (
        "Here:\n\nsrc/a.py\n```python\ndef f(x):\n    return 2 * x\n\n\ndef g(x):\n    return -x\n```\n\n"
        "new.txt\n```\nhi\n```\n\nDELETE old.txt\n"
    ),
}


@pytest.mark.parametrize("asked", [None, *formats.FORMATS])
@pytest.mark.parametrize("name", formats.FORMATS)
def test_each_format_is_understood_whatever_was_asked_for(
    name: formats.Name, asked: formats.Name | None
) -> None:
    assert formats.detect(ANSWERS[name], asked) == name
    applied = apply(formats.parse(ANSWERS[name], asked), FILES.get)
    assert {path: change.content for path, change in applied.files.items()} == {
        "src/a.py": FILES["src/a.py"].replace(b"return x", b"return 2 * x"),
        "new.txt": b"hi\n",
        "old.txt": None,
    }


@pytest.mark.parametrize("asked", [None, *formats.FORMATS])
@pytest.mark.parametrize("answer", ["LGTM", "", "I would change `src/a.py`.\n\n```\nreturn 2\n```\n"])
def test_no_edits(answer: str, asked: formats.Name | None) -> None:
    with pytest.raises(EditRefused):
        formats.parse(answer, asked)


@pytest.mark.parametrize(
    ("model", "url", "refusals", "chosen"),
    [
        ("gpt-6.2-sol", None, 0, "apply_patch"),
        ("openai/gpt-6-luna", "http://127.0.0.1:1/v1", 0, "apply_patch"),
        ("claude-sonnet-5", "https://example.com/v1", 0, "search_replace"),
        ("deepseek-v4", "http://localhost:1/v1", 0, "search_replace"),
        ("something", "https://example.com/v1", 0, "search_replace"),
        ("something", "http://127.0.0.1:8080/v1", 0, "whole_file"),
        ("qwen3-coder-7b", "https://example.com/v1", 0, "whole_file"),
        ("SmolLM2-135M-Instruct", None, 0, "whole_file"),
        ("gpt-6.2-sol", None, 2, "whole_file"),
    ],
)
def test_auto(model: str, url: str | None, refusals: int, chosen: str) -> None:
    assert formats.choose("auto", model, url, refusals) == chosen
    assert formats.choose("diff", model, url, refusals) == "diff"


def test_line_ends_are_told_by_the_marks_whatever_stands_around_them() -> None:
    body = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
    answer = "Here it is:\n\n```diff\n{}```\n\nI kept\nthe rest.\n"
    for ends in ("\n", "\r\n"):
        (edit,) = formats.parse(answer.format(body.replace("\n", ends)))
        assert edit.hunks[0].lines == ("-a", "+b")
        assert edit.crlf is (ends == "\r\n")


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_byte_order_mark_crlf_and_prose_around(name: formats.Name, ends: str) -> None:
    answer = "\ufeff" + ANSWERS[name].replace("\n", ends)
    bare = "\ufeff" + answer.split(f"Here:{ends}{ends}")[-1].removeprefix("\ufeff")
    told = f"\ufeffOf course!{ends}{ends}{bare[1:]}{ends}This works since + and - are kept.{ends}"
    for each in (answer, bare, told):
        applied = apply(formats.parse(each), FILES.get)
        assert applied.files["src/a.py"].content == FILES["src/a.py"].replace(b"return x", b"return 2 * x")
        assert applied.files["new.txt"].content == b"hi\n"
        assert applied.files["old.txt"].content is None


@pytest.mark.parametrize("name", ANSWERS)
def test_a_file_keeps_a_byte_order_mark_that_its_author_cannot_see(name: formats.Name) -> None:
    mark = "\ufeff".encode()
    marked = {"src/a.py": mark + FILES["src/a.py"], "old.txt": mark + b"gone\n"}
    applied = apply(formats.parse(ANSWERS[name]), marked.get)
    assert applied.files["src/a.py"].content == marked["src/a.py"].replace(b"return x", b"return 2 * x")
    (changed,) = apply(formats.parse(FIRST[name]), {"f": mark + b"a\nb\n"}.get).files.values()
    assert changed.content == mark + b"A\nb\n"
    seen = FIRST["diff"].replace("-a", "-\ufeffa")
    (changed,) = apply(formats.parse(seen), {"f": mark + b"a\nb\n"}.get).files.values()
    assert changed.content == b"A\nb\n"


FIRST: dict[formats.Name, str] = {
    "diff": "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n+A\n b\n",
    "search_replace": "f\n```\n<<<<<<< SEARCH\na\n=======\nA\n>>>>>>> REPLACE\n```\n",
    "apply_patch": "*** Begin Patch\n*** Update File: f\n@@\n-a\n+A\n b\n*** End Patch\n",
    "whole_file": "`f`\n```\nA\nb\n```\n",
}


def test_the_answers_that_the_docs_show() -> None:
    """The same change in each format, in the order of the table above them."""
    page = (Path(__file__).parents[3] / "docs/edits.md").read_text(encoding="utf-8")
    shown = page.split("The same change in each of them:")[1].split("An answer in another format")[0]
    answers = [found[2] for found in re.findall(r"^(```|~~~)(diff|text)\n(.*?)^\1$", shown, re.S | re.M)]
    files = {"greet.py": b'def greet(name):\n    print("Hello")\n\ngreet("you")\n'}
    assert [formats.detect(answer) for answer in answers] == [
        "diff",
        "search_replace",
        "apply_patch",
        "whole_file",
    ]
    for answer in answers:
        (changed,) = apply(formats.parse(answer), files.get).files.values()
        assert changed.content == files["greet.py"].replace(b'"Hello"', b'f"Hello, {name}"')


WHOLE = "new.py\n```\nx = 1\n```\n"
DIFF = "```diff\n--- a/f.py\n+++ b/f.py\n@@ -1 +1 @@\n-a\n+b\n```\n"
BLOCK = "g.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"
PATCH = "*** Begin Patch\n*** Update File: h.py\n@@\n-a\n+b\n*** End Patch\n"


@pytest.mark.parametrize("answer", [a + "\n" + b for a, b in permutations((WHOLE, DIFF, BLOCK, PATCH), 2)])
@pytest.mark.parametrize("asked", [None, "diff", "search_replace", "apply_patch", "whole_file"])
def test_an_answer_in_two_formats_is_refused(answer: str, asked: formats.Name | None) -> None:
    """What was read of it would be half of the change, called all of it."""
    with pytest.raises(EditRefused, match="mixes"):
        formats.parse(answer, asked)


def test_a_file_that_is_shown_beside_its_diff_is_no_second_edit() -> None:
    (edit,) = formats.parse(DIFF + "\nThe file is then:\n\nf.py\n```python\nb\n```\n")
    assert edit.path == "f.py"
