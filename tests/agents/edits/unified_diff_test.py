from __future__ import annotations

import pytest

from agents.edits.changes import EXECUTABLE, MAX_ANSWER, REGULAR, EditRefused, Hunk
from agents.edits.formats.unified_diff import INSTRUCTIONS, parse

PLAIN = """\
--- a/x.py
+++ b/x.py
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
"""
HUNK = (" one", "-two", "+TWO", " three")


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN,
        f"diff --git a/x.py b/x.py\nindex 123..456 100644\n{PLAIN}",
        f"Sure!\n\n```diff\n{PLAIN}```\n\n- I kept the API.\n+ Tell me if you want tests.\n",
        f"```diff\n{PLAIN}",
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("a/", "").replace("b/", ""),
        PLAIN.replace("a/", "i/").replace("b/", "w/"),
        PLAIN.replace("a/x.py", "x.py.orig").replace("b/", ""),
        PLAIN.replace("x.py\n", "x.py\t2024-01-01 10:00:00.000 +0000\n"),
        PLAIN.replace("-1,3 +1,3", "-1,9 +1,2"),
        PLAIN.replace("@@ -1,3 +1,3 @@", "@@"),
        PLAIN.replace("@@ -1,3 +1,3 @@", "@@ ... @@"),
        PLAIN.rstrip("\n"),
        PLAIN + "-- \n2.39.5\n",
        PLAIN.replace("-1,3", "-1,4") + "-- \n2.39.5\n",
        f"Index: x.py\n======\n{PLAIN}\nThat is all.\n",
    ],
)
def test_one_change_in_many_guises(answer: str) -> None:
    (edit,) = parse(answer)
    assert (edit.path, edit.kind, edit.new_path) == ("x.py", "modify", None)
    assert [hunk.lines for hunk in edit.hunks] == [HUNK]


def test_line_and_section_are_read() -> None:
    (edit,) = parse(PLAIN.replace("-1,3 +1,3 @@", "-41,3 +41,3 @@ def f():"))
    assert (edit.hunks[0].line, edit.hunks[0].section) == (41, "def f():")
    assert parse(PLAIN.replace("@@ -1,3 +1,3 @@", "@@ def f():"))[0].hunks[0] == Hunk(
        HUNK, None, "def f():", counted=False
    )


def test_several_fences_and_files() -> None:
    answer = f"First\n```diff\n{PLAIN}```\nthen\n````\n{PLAIN.replace('x.py', 'y.py')}````\n"
    assert [edit.path for edit in parse(answer)] == ["x.py", "y.py"]


@pytest.mark.parametrize("counts", ["-1,2 +1,2", "-1,3 +1,3", "-1,4 +1,4", "-1 +1"])
def test_the_next_file_is_no_removed_line(counts: str) -> None:
    first = PLAIN.replace("-1,3 +1,3", counts)
    assert [(e.path, e.hunks[0].lines) for e in parse(first + PLAIN.replace("x.py", "y.py"))] == [
        ("x.py", HUNK),
        ("y.py", HUNK),
    ]


def test_removed_comments_look_like_headers() -> None:
    body = "--- old words\n+++ new words\n"
    counted = f"--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n select\n{body}@@ -9,2 +9,2 @@\n from\n{body}"
    (edit,) = parse(counted)
    assert [hunk.lines for hunk in edit.hunks] == [
        (" select", "--- old words", "+++ new words"),
        (" from", "--- old words", "+++ new words"),
    ]
    (edit,) = parse(
        counted.replace("-9,2 +9,2", "-9,7 +9,7").replace(f"select\n{body}", f"select\n{body} end\n")
    )
    assert edit.hunks[0].lines[-1] == " end"


def test_blank_context_without_its_blank() -> None:
    (edit,) = parse("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n")
    assert edit.hunks[0].lines == (" a", " ", "-b", "+c")


def test_a_short_count_does_not_cut_a_hunk() -> None:
    (edit,) = parse("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n b\n\n+c\n d\n")
    assert edit.hunks[0].lines == (" a", " b", " ", "+c", " d")


def test_crlf_text_in_an_lf_answer_is_kept() -> None:
    (edit,) = parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+b\r\n")
    assert edit.hunks[0].lines == ("-a\r", "+b\r")


@pytest.mark.parametrize(
    ("body", "final"),
    [
        ("-a\n\\ No newline at end of file\n+a\n", True),
        ("-a\n+a\n\\ No newline at end of file\n", False),
        ("-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n", None),
        ("-a\n+b\n", None),
    ],
)
def test_final_newline(body: str, final: bool | None) -> None:
    (edit,) = parse(f"--- a/x\n+++ b/x\n@@ -1 +1 @@\n{body}")
    assert edit.hunks[0].final_newline is final


def test_new_and_deleted_files() -> None:
    created, deleted, empty = parse(
        "--- /dev/null\n+++ b/new.sh\n@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n"
        "--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n"
        "diff --git a/bin/run b/bin/run\nnew file mode 100755\nindex 0000000..e69de29\n"
    )
    assert (created.path, created.kind, created.content, created.mode) == (
        "new.sh",
        "create",
        "one\ntwo",
        REGULAR,
    )
    assert (deleted.path, deleted.kind) == ("old", "delete")
    assert (empty.path, empty.content, empty.mode) == ("bin/run", "", EXECUTABLE)


def test_renames_and_modes() -> None:
    renamed, moved, mode = parse(
        "diff --git a/a b b/c d\nsimilarity index 100%\nrename from a b\nrename to c d\n"
        "--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n"
        "diff --git a/tool b/tool\nold mode 100644\nnew mode 100755\n"
    )
    assert (renamed.path, renamed.kind, renamed.new_path) == ("a b", "rename", "c d")
    assert (moved.path, moved.kind, moved.new_path) == ("x", "rename", "y")
    assert (mode.path, mode.kind, mode.mode) == ("tool", "modify", EXECUTABLE)


def test_quoted_names() -> None:
    (edit,) = parse('--- "a/f\\303\\251 \\"q\\".txt"\n+++ "b/f\\303\\251 \\"q\\".txt"\n@@ -1 +1 @@\n-a\n+b\n')
    assert edit.path == 'fé "q".txt'
    (edit,) = parse('diff --git "a/t\\tx" "b/t\\tx"\nold mode 100644\nnew mode 100755\n')
    assert edit.path == "t\tx"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("LGTM", "no unified diff"),
        ("", "no unified diff"),
        ("@@ -1 +1 @@\n-a\n+b\n", "without a file"),
        ("--- a/x\n+++ b/x\n", "no @@ lines"),
        ("diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 3\nabc\n", "x: binary"),
        ("Binary files a/x and b/x differ\n", "binary"),
        (
            "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n",
            "link",
        ),
        ("diff --git a/x b/x\nold mode 100644\nnew mode 120000\n", "link"),
        (
            "diff --git a/x b/x\nnew file mode 160000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+Subproject\n",
            "submodule",
        ),
        (
            "diff --git a/x b/x\ndeleted file mode 160000\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-S\n",
            "submodule",
        ),
        ("--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n++a\n", "combined"),
        ("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n-a\n+b\n", "new file"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+\ud800\n", "Unicode"),
        ("x" * (MAX_ANSWER + 1), "allowed"),
    ],
)
def test_refusals(answer: str, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        parse(answer)


def test_instructions_name_what_the_parser_wants() -> None:
    assert "```diff" in INSTRUCTIONS
    assert "/dev/null" in INSTRUCTIONS
