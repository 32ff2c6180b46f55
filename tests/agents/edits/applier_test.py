from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.edits.applier import apply
from agents.edits.changes import EXECUTABLE, Applied, EditRefused, FileEdit, Hunk
from agents.edits.formats.unified_diff import parse

FUNCTIONS = "".join(f"def f{n}(x):\n    y = x + {n}\n    return y\n\n\n" for n in range(5))
TWICE = "start\nsame\nother\nend\n" * 2


def diff(body: str, head: str = "@@", path: str = "f") -> str:
    return f"--- a/{path}\n+++ b/{path}\n{head}\n{body}"


def run(text: str | bytes, answer: str) -> tuple[bytes | None, list[str]]:
    data = text.encode() if isinstance(text, str) else text
    applied = apply(parse(answer), {"f": data}.get)
    return applied.files["f"].content, [step for _, _, step in applied.steps]


@pytest.mark.parametrize(
    ("body", "step"),
    [
        (" def f2(x):\n-    y = x + 2\n+    y = 2 * x\n     return y\n", "exact"),
        (" def f2(x):  \n-    y = x + 2 \n+    y = 2 * x\n     return y\n", "trailing whitespace"),
        (" def  f2(x):\n-\ty = x + 2\n+    y = 2 * x\n     return y\n", "whitespace"),
        (" def f2( x):\n-\ty = x + 2\n+    y = 2 * x\n     return y\n", "whitespace and context"),
        (" def f2(z):\n-    y = x + 2\n+    y = 2 * x\n     return y\n", "context"),
        (" \n-    y = x + 2\n+    y = 2 * x\n     return y\n", "context"),
    ],
)
def test_each_step(body: str, step: str) -> None:
    assert run(FUNCTIONS, diff(body)) == (
        FUNCTIONS.replace("x + 2", "2 * x").encode(),
        [step],
    )


def test_a_hunk_that_stands_too_far_left_is_moved() -> None:
    body = " y = x + 2\n+z = 1\n return y\n"
    content, steps = run(FUNCTIONS, diff(body))
    assert content == FUNCTIONS.replace("x + 2\n", "x + 2\n    z = 1\n").encode()
    assert steps == ["whitespace"]


def test_wrong_numbers_do_not_matter_where_one_place_fits() -> None:
    body = " def f3(x):\n-    y = x + 3\n+    y = 0\n     return y\n"
    assert run(FUNCTIONS, diff(body, "@@ -1,9 +2,7 @@"))[1] == ["line numbers"]


def test_a_right_number_decides_between_two_places_and_a_wrong_one_does_not() -> None:
    body = " start\n-same\n+new\n other\n"
    assert (
        run(TWICE, diff(body, "@@ -5,3 +5,3 @@"))[0] == b"start\nsame\nother\nend\nstart\nnew\nother\nend\n"
    )
    for head in ("@@ -4,3 +4,3 @@", "@@ -6,3 +6,3 @@", "@@"):
        with pytest.raises(EditRefused, match=r"f, hunk 1: several places fit \(lines 1, 5\)"):
            run(TWICE, diff(body, head))


def test_numbers_stop_counting_when_one_of_them_is_wrong() -> None:
    body = " start\n-same\n+new\n other\n"
    text = TWICE + "only here\nand here\n"
    other = "@@ -2,2 +2,2 @@\n only here\n-and here\n+there\n"
    with pytest.raises(EditRefused, match="several places fit"):
        run(text, diff(body, "@@ -5,3 +7,3 @@") + other)
    assert run(text, diff(body, "@@ -5,3 +5,3 @@") + other)[1] == ["line numbers", "line numbers"]
    assert run(text, diff(body, "@@ -5,3 +5,3 @@") + other.replace("-2,2", "-9,2"))[1] == ["exact", "exact"]
    assert run(FUNCTIONS, diff(" def f3(x):\n-    y = x + 3\n+    y = 0\n", "@@ -16,2 +16,2 @@"))[1] == [
        "exact"
    ]


def test_removed_lines_are_never_fuzzy() -> None:
    with pytest.raises(EditRefused, match="nowhere in the file"):
        run(FUNCTIONS, diff(" def f2(x):\n-    y = x + 22\n+    y = 0\n     return y\n"))


def test_a_missing_line_beside_an_insertion_is_refused() -> None:
    with pytest.raises(EditRefused, match="before or after"):
        run("a\nb\nc\nd\ne\n", diff(" a\n b\n+new\n d\n e\n"))
    assert run("a\nb\nc\nd\ne\n", diff(" a\n c\n+new\n d\n e\n")) == (b"a\nb\nc\nnew\nd\ne\n", ["context"])


def test_an_insertion_at_the_edge_of_a_hunk() -> None:
    with pytest.raises(EditRefused, match="above or below"):
        run("a\nb\nc\nd\n", diff(" a\n b\n+new\n"))
    assert run("a\nb\nc\nd\n", diff(" a\n b\n+new\n", "@@ -1,2 +1,3 @@"))[0] == b"a\nb\nnew\nc\nd\n"
    assert run("a\nb\nc\nd\n", diff(" c\n d\n+new\n"))[0] == b"a\nb\nc\nd\nnew\n"
    with pytest.raises(EditRefused, match="no unchanged or removed line"):
        run("a\nb\n", diff("+new\n", "@@ -1,0 +2 @@"))


def test_context_stays_the_file_s() -> None:
    assert run("a \nb\nc\n", diff(" a\n-b\n+B\n c\n"))[0] == b"a \nB\nc\n"


def test_hunks_in_any_order_and_twice() -> None:
    one, two = "@@\n-    y = x + 1\n+    y = 1\n", "@@\n-    y = x + 3\n+    y = 3\n"
    expected = FUNCTIONS.replace("x + 1", "1").replace("x + 3", "3").encode()
    head = "--- a/f\n+++ b/f\n"
    assert run(FUNCTIONS, head + two + one)[0] == expected
    assert run(FUNCTIONS, head + one + head + two + head + one)[0] == expected


def test_hunks_that_clash_are_refused() -> None:
    head = "--- a/f\n+++ b/f\n"
    with pytest.raises(EditRefused, match="hunks 1 and 2"):
        run("a\nb\nc\n", head + "@@\n a\n-b\n+x\n@@\n-b\n+y\n c\n")
    with pytest.raises(EditRefused, match="hunks 1 and 2"):
        run("a\nb\nc\n", head + "@@\n a\n+x\n b\n@@\n a\n+y\n b\n")


def test_line_ends_of_the_file() -> None:
    crlf = FUNCTIONS.replace("\n", "\r\n")
    body = " def f2(x):\n-    y = x + 2\n+    y = 2\n+    # two\n     return y\n"
    expected = crlf.replace("y = x + 2", "y = 2\r\n    # two").encode()
    assert run(crlf, diff(body)) == (expected, ["line ends"])
    assert run(crlf, diff(body).replace("\n", "\r\n"))[0] == expected
    assert run(FUNCTIONS, diff(body.replace("\n", "\r\n")))[0] == expected.replace(b"\r", b"")
    assert run("a\r\nb", diff(" a\n-b\n+c\n+d\n"))[0] == b"a\r\nc\r\nd"


@pytest.mark.parametrize(
    ("text", "body", "expected"),
    [
        ("a\nb", " a\n-b\n+c\n", "a\nc"),
        ("a\nb", " a\n b\n+c\n", "a\nb\nc"),
        ("a\nb", " a\n-b\n\\ No newline at end of file\n+b\n", "a\nb\n"),
        ("a\nb", " a\n-b\n+b\n", "a\nb\n"),
        ("a\nb\n", " a\n-b\n+b\n\\ No newline at end of file\n", "a\nb"),
        ("a\nb", " a\n-b\n", "a\n"),
        ("a\nb\n", "-a\n-b\n", ""),
        ("", "+a\n", "a\n"),
        ("\n", " \n+a\n", "\na\n"),
    ],
)
def test_final_newline(text: str, body: str, expected: str) -> None:
    assert run(text, diff(body))[0] == expected.encode()


def test_bytes_that_are_no_utf8_survive() -> None:
    data = b"\xff\xfe caf\xe9\nb\nc\n"
    assert run(data, diff(" b\n-c\n+d\n"))[0] == b"\xff\xfe caf\xe9\nb\nd\n"


def tabbed(lines: int = 40) -> str:
    return "".join(f"int f{n}(void)\n{{\n\tint a = {n};\n\tcall(a, {n});\n}}\n\n" for n in range(lines))


def test_swapped_tabs_are_swapped_back() -> None:
    body = " int f7(void)\n {\n     int a = 7;\n+    int b;\n \tcall(a, 7);\n"
    assert run(tabbed(), diff(body)) == (
        tabbed().replace("a = 7;\n", "a = 7;\n\tint b;\n").encode(),
        ["context"],
    )


def test_swapped_tabs_follow_their_neighbours_where_both_are_usual() -> None:
    mixed = tabbed() + tabbed().replace("\t", "    ").replace("int f", "int g")
    body = " int f7(void)\n {\n+    int b;\n     int a = 7;\n \tcall(a, 7);\n"
    text, _ = run(mixed, diff(body))
    assert text is not None
    assert b"{\n\tint b;\n\tint a = 7;" in text  # its neighbours tell
    between = mixed.replace("\tcall(a, 7)", "    call(a, 7)")
    body = "     int a = 7;\n+\tint b;\n     call(a, 7);\n"
    with pytest.raises(EditRefused, match="are indented by"):
        run(between, diff(body))


def test_a_line_that_is_removed_and_added_again_has_lost_something() -> None:
    mixed = tabbed() + tabbed().replace("\t", "    ").replace("int f", "int g")
    body = " int f7(void)\n {\n-    int a = 7;\n+    int a = 7;\n+    int b;\n \tcall(a, 7);\n"
    with pytest.raises(EditRefused, match="same line"):
        run(mixed, diff(body))


def test_a_gap_that_was_a_tab_in_the_line_replaced() -> None:
    file = "if (a != 0\t/* why */ \\\n  x();\n" + "y = 1;    /* z */\n" * 40
    with pytest.raises(EditRefused, match="lost tabs"):
        run(file, diff("-if (a != 0\t/* why */ \\\n+if (((a) + (b)) != 0    /* why */ \\\n   x();\n"))


def test_foreign_indentation_is_refused() -> None:
    with pytest.raises(EditRefused, match="are indented by"):
        run(tabbed(), diff(" int f7(void)\n {\n+    int b;\n \tint a = 7;\n"))


def test_files_as_a_whole() -> None:
    files = {"old": b"gone\n", "tool": b"x\n", "from": b"a\nb\n"}
    answer = (
        "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+hi\n"
        "--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n"
        "diff --git a/tool b/tool\nold mode 100644\nnew mode 100755\n"
        "diff --git a/from b/to\nrename from from\nrename to to\n--- a/from\n+++ b/to\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
        "--- a/added\n+++ b/added\n@@ -0,0 +1 @@\n+yes\n"
    )
    found = apply(parse(answer), files.get).files
    assert {path: change.content for path, change in found.items()} == {
        "new": b"hi\n", "old": None, "tool": b"x\n", "from": None, "to": b"a\nc\n", "added": b"yes\n",
    }  # fmt: skip
    assert found["tool"].mode == EXECUTABLE
    assert found["to"].source == "from"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (diff("-x\n+y\n", path="none"), "none: no such file"),
        ("--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n", "f: exists already"),
        ("--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-other\n", "not what the file holds"),
        ("--- a/none\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", "no such file"),
        ("--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n", "g: exists already"),
        (diff("-x\n+y\n", path="nul"), "binary"),
        (diff("-x\n+y\n", path="../f"), "plain"),
        (diff("-x\n+y\n", path=".git/config"), "not for agents"),
        (diff("-x\n+y\n", path="docs/x"), "scope"),
        ("--- a/f\n+++ b/docs/x\n@@ -1 +1 @@\n-a\n+b\n", "scope"),
        (diff("-a\n+b\n") + "--- a/f\n+++ /dev/null\n", "changed twice"),
    ],
)
def test_refusals(answer: str, reason: str) -> None:
    files = {"f": b"a\n", "g": b"g\n", "nul": b"x\0\n"}
    with pytest.raises(EditRefused, match=reason):
        apply(parse(answer), files.get, ["f", "g", "nul", "none", "../f", ".git/**"])


def test_every_failure_is_told_with_the_real_lines() -> None:
    hunks = "@@\n def f1(x):\n-    nope\n+    y\n@@\n def f3(x):\n-    neither\n+    y\n"
    with pytest.raises(EditRefused) as caught:
        run(FUNCTIONS, f"--- a/f\n+++ b/f\n{hunks}{diff('-x', path='none')}")
    message = caught.value.message
    assert caught.value.exit_code == 4
    for part in ("f, hunk 1", "6| def f1(x):", "f, hunk 2", "16| def f3(x):", "none: no such file"):
        assert part in message


def test_many_failures_are_told_in_short() -> None:
    with pytest.raises(EditRefused) as caught:
        run(FUNCTIONS, "--- a/f\n+++ b/f\n" + "".join(f"@@\n-nope {n}\n" for n in range(100)))
    assert "f, hunk 100" in caught.value.message
    assert len(caught.value.message) < 20_000


def test_whole_content_is_an_edit_too() -> None:
    applied = apply([FileEdit("f", content="new\n")], {"f": b"old\n"}.get)
    assert applied.files["f"].content == b"new\n"
    assert (
        apply([FileEdit("f", hunks=(Hunk((" a", "-b")),))], {"f": b"a\nb\n"}.get).files["f"].content == b"a\n"
    )


LINES = st.lists(
    st.sampled_from(["a", "b", "", "  c", "\td", "-- e", "++ f", "@@ g", "h\r", "\\ i", "é"]), max_size=12
)


@settings(max_examples=300)
@given(LINES, LINES, st.integers(0, 4))
def test_difflib_round_trip(old: list[str], new: list[str], context: int) -> None:
    assume(old != new and old)
    body = difflib.unified_diff(old, new, "a/f", "b/f", lineterm="", n=context)
    try:
        content, _ = run("".join(f"{line}\n" for line in old), "\n".join(body) + "\n")
    except EditRefused as refusal:
        assert context < 2 or "mixes" in refusal.message or "indented" in refusal.message
    else:
        assert content == "".join(f"{line}\n" for line in new).encode()


TEXT = st.tuples(LINES, st.booleans()).map(lambda t: "\n".join(t[0]) + "\n" * t[1])


@settings(max_examples=100)
@given(TEXT, TEXT)
def test_git_diff_round_trip(tmp_path_factory: pytest.TempPathFactory, old: str, new: str) -> None:
    assume(old != new)
    root = tmp_path_factory.mktemp("git", numbered=True)
    for name, text in (("old", old), ("new", new)):
        Path(root, name).write_bytes(text.encode())
    command = [
        "git",
        "diff",
        "--no-index",
        "--no-color",
        "--text",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "old",
        "new",
    ]
    done = subprocess.run(command, check=False, cwd=root, capture_output=True)
    answer = done.stdout.decode().replace("a/old", "a/f").replace("b/new", "b/f")
    applied: Applied = apply(parse(answer), {"f": old.encode()}.get)
    assert applied.files["f"].content == new.encode()


def test_the_function_named_behind_the_numbers_tells_between_places() -> None:
    file = "".join(f"int f{n}(void)\n{{\n  call();\n  return 0;\n}}\n\n" for n in range(5))
    body = "   call();\n-  return 0;\n+  return 1;\n }\n"
    text, steps = run(file, f"--- a/f\n+++ b/f\n@@ -90,9 +90,9 @@ int f3(void)\n{body}")
    start = file.index("int f3")
    assert text == (file[:start] + file[start:].replace("return 0", "return 1", 1)).encode()
    assert steps == ["function line"]
    for section in ("", "int f9(void)", "int f"):
        with pytest.raises(EditRefused, match="several places"):
            run(file, f"--- a/f\n+++ b/f\n@@ -90,9 +90,9 @@ {section}\n{body}")


def test_empty_lines_below_a_hunk_are_its_own_if_the_file_has_them() -> None:
    """Whoever strips blanks at line ends makes empty lines of unchanged ones."""
    answer = "--- a/f\n+++ b/f\n@@ -9,9 +9,9 @@\n a\n b\n+c\n\n\n--- a/g\n+++ b/g\n@@ -1 +1 @@\n-1\n+2\n"
    applied = apply(parse(answer), {"f": b"a\nb\n\n\nd\n", "g": b"1\n"}.get)
    assert applied.files["f"].content == b"a\nb\nc\n\n\nd\n"
    with pytest.raises(EditRefused, match="missing above or below"):
        apply(parse(answer), {"f": b"a\nb\nx\n\nd\n", "g": b"1\n"}.get)


def test_a_blank_before_a_tab_is_never_meant() -> None:
    file = "".join(f"if (a{n})\n       x{n};\n" for n in range(9)) + "\tb;\n"
    text, _ = run(file, diff("        x8;\n+ \t  y;\n     b;\n"))
    assert text == file.replace("x8;\n", "x8;\n       y;\n").encode()
    with pytest.raises(EditRefused, match="before a tab"):
        run(file.replace("       ", "  "), diff("   x8;\n+ \t  y;\n     b;\n"))
