"""What other appliers' own tests ask for: codex's apply_patch scenarios, aider's edit blocks, git's apply.

Each case is told anew, with the file or files before and after it; a text in place of the files after it is a part of
the reason why it is refused. Where we differ on purpose, docs/edits.md says why.
"""
# ruff: noqa: E501, RUF001 (a case is a line)

from __future__ import annotations

import pytest

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import EditRefused

Case = tuple[str, dict[str, str], "dict[str, str | None] | str"]


def patch(body: str) -> str:
    return f"*** Begin Patch\n{body}*** End Patch\n"


def update(body: str, path: str = "f") -> str:
    return patch(f"*** Update File: {path}\n{body}")


def block(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


def diff(body: str, path: str = "f") -> str:
    return f"--- a/{path}\n+++ b/{path}\n{body}"


CODEX: dict[str, Case] = {
    "add file": (patch("*** Add File: d/bar.md\n+This is\n+\n+new\n"), {}, {"d/bar.md": "This is\n\nnew\n"}),
    "several operations": (
        patch("*** Add File: n/new\n+created\n*** Delete File: gone\n*** Update File: f\n@@\n-two\n+changed\n"),
        {"gone": "x\n", "f": "one\ntwo\n"},
        {"n/new": "created\n", "gone": None, "f": "one\nchanged\n"},
    ),
    "several chunks": (
        update("@@\n-l2\n+c2\n@@\n-l4\n+c4\n"), {"f": "l1\nl2\nl3\nl4\n"}, {"f": "l1\nc2\nl3\nc4\n"},
    ),
    "interleaved": (
        update("@@\n a\n-b\n+B\n@@\n d\n-e\n+E\n@@\n f\n+g\n*** End of File\n"),
        {"f": "a\nb\nc\nd\ne\nf\n"},
        {"f": "a\nB\nc\nd\nE\nf\ng\n"},
    ),
    "move": (
        update("*** Move to: new/dir/g\n@@\n-old\n+new\n", "old/f"),
        {"old/f": "old\n"},
        {"old/f": None, "new/dir/g": "new\n"},
    ),
    "move over a file": (
        update("*** Move to: g\n@@\n-from\n+new\n"), {"f": "from\n", "g": "there\n"}, {"f": None, "g": "new\n"},
    ),
    "add over a file": (patch("*** Add File: f\n+new\n"), {"f": "old\n"}, {"f": "new\n"}),
    "an empty patch": (patch(""), {}, "no sections"),
    "missing context": (update("@@\n-missing\n+x\n"), {"f": "1\n2\n"}, "nowhere in the file"),
    "delete what is not there": (patch("*** Delete File: f\n"), {}, "no such file"),
    "no hunk": (update(""), {"f": "1\n"}, "no hunks"),
    "update what is not there": (update("@@\n-old\n+new\n"), {}, "no such file"),
    "an unknown section": (patch("*** Frobnicate File: f\n"), {"f": "1\n"}, "no section"),
    "a final newline": (update("@@\n-no end\n+1\n+2\n"), {"f": "no end"}, {"f": "1\n2\n"}),
    "only added lines": (update("@@\n+3\n+4\n"), {"f": "1\n2\n"}, {"f": "1\n2\n3\n4\n"}),
    "only removed lines": (update("@@\n 1\n-2\n 3\n"), {"f": "1\n2\n3\n"}, {"f": "1\n3\n"}),
    "blanks before a section": (
        patch("  *** Update File: f\n@@\n-old\n+new\n"), {"f": "old\n"}, {"f": "new\n"},
    ),
    "blanks around the marks": (
        " *** Begin Patch \n*** Update File: f\n@@\n-one\n+two\n *** End Patch \n", {"f": "one\n"}, {"f": "two\n"},
    ),
    "letters that are no ASCII": (
        update("@@\n l1\n-naïve café\n+naïve café ✅\n"), {"f": "l1\nnaïve café\nl3\n"}, {"f": "l1\nnaïve café ✅\nl3\n"},
    ),
    "end of file": (
        update("@@\n first\n-second\n+updated\n*** End of File\n"), {"f": "first\nsecond\n"}, {"f": "first\nupdated\n"},
    ),
    "the last of several": (
        update("@@\n-x\n+y\n*** End of File\n"), {"f": "x\na\nx\n"}, {"f": "x\na\ny\n"},
    ),
    "no @@ above the first": (update(" import a\n+import b\n"), {"f": "import a\n"}, {"f": "import a\nimport b\n"}),
    "an anchor": (
        update("@@ def b():\n-    pass\n+    go()\n"),
        {"f": "def a():\n    pass\ndef b():\n    pass\n"},
        {"f": "def a():\n    pass\ndef b():\n    go()\n"},
    ),
    "anchors below each other": (
        update("@@ class B\n@@     def f(self):\n-        pass\n+        go()\n"),
        {"f": "class A\n    def f(self):\n        pass\nclass B\n    def f(self):\n        pass\n"},
        {"f": "class A\n    def f(self):\n        pass\nclass B\n    def f(self):\n        go()\n"},
    ),
    "a bare empty line": (update("@@\n a\n\n-b\n+c\n"), {"f": "a\n\nb\n"}, {"f": "a\n\nc\n"}),
    "blanks at the ends": (update("@@\n a\n-b\n+c\n"), {"f": "a  \nb \n"}, {"f": "a  \nc\n"}),
    "other blanks": (update("@@\n a\n-  b\n+  c\n"), {"f": "  a\n    b\n"}, {"f": "  a\n    c\n"}),
    "typographic marks": (
        update("@@\n-# say \"it's\" - now\n+# said\n"), {"f": "# say “it’s” – now\n"}, {"f": "# said\n"},
    ),
    "typographic marks that would get lost": (
        update("@@\n-# say \"it's\" - now\n+# say \"it's\" - here\n"), {"f": "# say “it’s” – now\n"}, "typographic",
    ),
    "typographic marks around a change": (
        update("@@\n # it's\n-a\n+b\n"), {"f": "# it’s\na\n"}, {"f": "# it’s\nb\n"},
    ),
    "in a shell's here document": (
        "apply_patch <<'EOF'\n" + update("@@\n-1\n+2\n") + "EOF\n", {"f": "1\n"}, {"f": "2\n"},
    ),
    "in a fence": ("```patch\n" + update("@@\n-1\n+2\n") + "```\n", {"f": "1\n"}, {"f": "2\n"}),
    "a failure after a success": (
        patch("*** Add File: new\n+x\n*** Update File: f\n@@\n-old\n+new\n"), {}, "f: no such file",
    ),
}  # fmt: skip

AIDER: dict[str, Case] = {
    "path above the fence": ("Here:\n\nf.txt\n```text\n" + block("Two\n", "To\n") + "```\n\nHope!\n", {"f.txt": "Two\n"}, {"f.txt": "To\n"}),
    "path inside the fence": ("Here:\n\n```text\nf.txt\n" + block("Two\n", "To\n") + "```\n\nHope!\n", {"f.txt": "Two\n"}, {"f.txt": "To\n"}),
    "path as a heading": ("### f.txt\n```\n" + block("Two\n", "To\n") + "```\n", {"f.txt": "Two\n"}, {"f.txt": "To\n"}),
    "path as a comment": ("```py\n# d/f.py\n" + block("Two\n", "To\n") + "```\n", {"d/f.py": "Two\n"}, {"d/f.py": "To\n"}),
    "path in a fence of its own": (" ```python\nf.txt\n```\n```python\n" + block("one\n", "two\n") + "```\n", {"f.txt": "one\n"}, {"f.txt": "two\n"}),
    "a fence of four": ("f.txt\n````text\n" + block("", "```\nx\n```\n") + "````\n", {}, {"f.txt": "```\nx\n```\n"}),
    "without a fence": ("Do this:\n\nf.txt\n" + block("two\n", "new\n"), {"f.txt": "one\ntwo\n"}, {"f.txt": "one\nnew\n"}),
    "no end of the block": ("```text\nf.txt\n<<<<<<< SEARCH\nTwo\n=======\nTo\n\noops!\n", {"f.txt": "Two\n"}, "no REPLACE line"),
    "no path": ("```text\n" + block("Two\n", "To\n"), {"f.txt": "Two\n"}, "without a path"),
    "no newline at the end of the answer": (("f.py\n" + block("a\n", "b\n") + "\nf.py\n" + block("c\n", "d\n")).rstrip(), {"f.py": "a\nc\n"}, {"f.py": "b\nd\n"}),
    "a path for two blocks": ("```text\nf.txt\n" + block("one\n", "two\n") + "\n...\n\n" + block("three\n", "four\n") + "```\n", {"f.txt": "one\nthree\n"}, {"f.txt": "two\nfour\n"}),
    "a new file beside another": ("a/g.txt\n```\n" + block("", "three\n") + "```\n\nanother\n\na/f.txt\n```\n" + block("one\n", "two\n") + "```\n", {"a/f.txt": "one\n"}, {"a/g.txt": "three\n", "a/f.txt": "two\n"}),
    "a new script": ('```sh\nt.sh\n' + block("", '#!/bin/bash\nif [ "$#" -ne 1 ]; then\n    exit 1\nfi\n\nexit 0\n') + "```\n", {}, {"t.sh": '#!/bin/bash\nif [ "$#" -ne 1 ]; then\n    exit 1\nfi\n\nexit 0\n'}),
    "no indentation": ("f.py\n" + block("line1\nline2\n", "new1\nnew2\n"), {"f.py": "    line1\n    line2\n    line3\n"}, {"f.py": "    new1\n    new2\n    line3\n"}),
    "too little indentation": ("f.py\n" + block(" line1\n line2\n", " new1\n     new2\n"), {"f.py": "    line1\n    line2\n    line3\n"}, {"f.py": "    new1\n        new2\n    line3\n"}),
    "varied indentation": ("f.py\n" + block("line2\n    line3\n", "new2\n    new3\n"), {"f.py": "\n    line1\n    line2\n        line3\n    line4\n"}, {"f.py": "\n    line1\n    new2\n        new3\n    line4\n"}),
    "an empty line too many": ("f.py\n" + block("\n  line1\n  line2\n", "  new1\n  new2\n"), {"f.py": "    line1\n    line2\n    line3\n"}, "nowhere in the file"),
    "several places": ("f.py\n" + block("line1\n", "new\n"), {"f.py": "line1\nline2\nline1\n"}, "several places fit"),
    "a file as it is": ("f.py\n" + block("a\n", "a\n"), {"f.py": "a\n"}, {}),
}  # fmt: skip

NO_END = "\\ No newline at end of file\n"
GIT: dict[str, Case] = {
    "create": ("diff --git a/n b/n\nnew file mode 100644\nindex 000..111\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+1\n+2\n", {}, {"n": "1\n2\n"}),
    "create an empty one": ("diff --git a/n b/n\nnew file mode 100644\nindex 0000000..e69de29\n", {}, {"n": ""}),
    "create what is there": ("diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+1\n", {"n": "x\n"}, "exists already"),
    "delete": ("diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n", {"n": "1\n"}, {"n": None}),
    "delete an empty one": ("diff --git a/n b/n\ndeleted file mode 100644\nindex e69de29..0000000\n", {"n": ""}, {"n": None}),
    "delete what is different": (diff("@@ -1 +0,0 @@\n-1\n").replace("+++ b/f", "+++ /dev/null"), {"f": "2\n"}, "not what the file holds"),
    "modify what is not there": (diff("@@ -1 +1 @@\n-1\n+2\n"), {}, "no such file"),
    "rename": ("diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n", {"f": "1\n"}, {"f": None, "g": "1\n"}),
    "rename and change": ("diff --git a/f b/g\nsimilarity index 80%\nrename from f\nrename to g\nindex 1..2 100644\n--- a/f\n+++ b/g\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n", {"f": "1\n2\n"}, {"f": None, "g": "1\n3\n"}),
    "rename over": ("diff --git a/f b/g\nrename from f\nrename to g\n", {"f": "1\n", "g": "2\n"}, "exists already"),
    "copy": ("diff --git a/f b/g\nsimilarity index 100%\ncopy from f\ncopy to g\n", {"f": "1\n"}, {"g": "1\n"}),
    "rename into a folder of its own name": ("diff --git a/f b/f/f\nrename from f\nrename to f/f\n", {"f": "1\n"}, {"f": None, "f/f": "1\n"}),
    "criss-cross rename": ("diff --git a/f b/g\nrename from f\nrename to g\ndiff --git a/g b/f\nrename from g\nrename to f\n", {"f": "1\n", "g": "2\n"}, {"f": "2\n", "g": "1\n"}),
    "criss-cross rename with changes": ("diff --git a/f b/g\nrename from f\nrename to g\n--- a/f\n+++ b/g\n@@ -1 +1 @@\n-1\n+one\ndiff --git a/g b/f\nrename from g\nrename to f\n--- a/g\n+++ b/f\n@@ -1 +1 @@\n-2\n+two\n", {"f": "1\n", "g": "2\n"}, {"f": "two\n", "g": "one\n"}),
    "no newline, added": (diff("@@ -1,2 +1,2 @@\n 1\n-2\n" + NO_END + "+2\n"), {"f": "1\n2"}, {"f": "1\n2\n"}),
    "no newline, taken away": (diff("@@ -1,2 +1,2 @@\n 1\n-2\n+2\n" + NO_END), {"f": "1\n2\n"}, {"f": "1\n2"}),
    "no newline, kept": (diff("@@ -1,2 +1,2 @@\n 1\n-2\n" + NO_END + "+3\n" + NO_END), {"f": "1\n2"}, {"f": "1\n3"}),
    "no newline in context": (diff("@@ -1,2 +1,2 @@\n-1\n+0\n 2\n" + NO_END), {"f": "1\n2"}, {"f": "0\n2"}),
    "at the start": (diff("@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n"), {"f": "1\n2\n3\n4\n"}, {"f": "0\n1\n2\n3\n4\n"}),
    "at the end": (diff("@@ -2,3 +2,4 @@\n 2\n 3\n 4\n+5\n"), {"f": "1\n2\n3\n4\n"}, {"f": "1\n2\n3\n4\n5\n"}),
    "without context at the end": (diff("@@ -4,0 +5 @@\n+5\n"), {"f": "1\n2\n3\n4\n"}, "says where it goes"),
    "lines moved down": (diff("@@ -2,3 +2,3 @@\n 2\n-3\n+x\n 4\n"), {"f": "new\n1\n2\n3\n4\n"}, {"f": "new\n1\n2\nx\n4\n"}),
    "not at the start any more": (diff("@@ -1,2 +1,3 @@\n+0\n 1\n 2\n"), {"f": "new\n1\n2\n3\n"}, "missing above or below"),
    "several fragments": (diff("@@ -1,3 +1,3 @@\n-1\n+a\n 2\n 3\n@@ -6,3 +6,3 @@\n 6\n 7\n-8\n+b\n"), {"f": "1\n2\n3\n4\n5\n6\n7\n8\n"}, {"f": "a\n2\n3\n4\n5\n6\n7\nb\n"}),
    "one file in two parts": (diff("@@ -1 +1 @@\n-1\n+a\n") + diff("@@ -3 +3 @@\n-3\n+c\n"), {"f": "1\n2\n3\n"}, {"f": "a\n2\nc\n"}),
    "a part about what another made": (diff("@@ -1 +1 @@\n-1\n+a\n") + diff("@@ -1 +1 @@\n-a\n+b\n"), {"f": "1\n"}, {"f": "b\n"}),
    "empty context without its blank": (diff("@@ -1,3 +1,3 @@\n 1\n\n-3\n+c\n"), {"f": "1\n\n3\n"}, {"f": "1\n\nc\n"}),
    "text before and after": ("From: me\nSubject: x\n\nWhy\n---\n f | 2 +-\n 1 file changed\n\n" + diff("@@ -1 +1 @@\n-1\n+2\n") + "-- \n2.39.0\n\n", {"f": "1\n"}, {"f": "2\n"}),
    "time stamps": ("--- f.orig\t2024-01-01 00:00:00.0 +0000\n+++ f\t2024-01-02 00:00:00.0 +0000\n@@ -1 +1 @@\n-1\n+2\n", {"f": "1\n"}, {"f": "2\n"}),
    "no prefixes": ("diff --git f f\n--- f\n+++ f\n@@ -1 +1 @@\n-1\n+2\n", {"f": "1\n"}, {"f": "2\n"}),
    "mnemonic prefixes": ("diff --git i/f w/f\n--- i/f\n+++ w/f\n@@ -1 +1 @@\n-1\n+2\n", {"f": "1\n"}, {"f": "2\n"}),
    "a name with blanks": ("diff --git a/a b c b/a b c\nindex 1..2 100644\n--- a/a b c\t\n+++ b/a b c\t\n@@ -1 +1 @@\n-1\n+2\n", {"a b c": "1\n"}, {"a b c": "2\n"}),
    "a quoted name": ('diff --git "a/\\303\\274" "b/\\303\\274"\n--- "a/\\303\\274"\n+++ "b/\\303\\274"\n@@ -1 +1 @@\n-1\n+2\n', {"ü": "1\n"}, {"ü": "2\n"}),
    "a mode": ("diff --git a/f b/f\nold mode 100644\nnew mode 100755\n", {"f": "1\n"}, {"f": "1\n"}),
    "a binary patch": ("diff --git a/f b/f\nindex 1..2\nGIT binary patch\nliteral 1\nIc${MZ\n\nliteral 0\nHcmV?d00001\n", {"f": "1\n"}, "binary"),
    "a symbolic link": ("diff --git a/n b/n\nnew file mode 120000\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+f\n" + NO_END, {}, "symbolic link"),
    "a submodule": ("diff --git a/n b/n\nnew file mode 160000\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+Subproject commit 1\n", {}, "submodule"),
    "out of the tree": (diff("@@ -1 +1 @@\n-1\n+2\n", "../f"), {"../f": "1\n"}, "must be plain"),
    "CRLF in file and patch": (diff("@@ -1,2 +1,2 @@\n 1\r\n-2\r\n+3\r\n"), {"f": "1\r\n2\r\n"}, {"f": "1\r\n3\r\n"}),
    "CRLF in the file alone": (diff("@@ -1,2 +1,2 @@\n 1\n-2\n+3\n"), {"f": "1\r\n2\r\n"}, {"f": "1\r\n3\r\n"}),
    "CRLF in the patch alone": (diff("@@ -1,2 +1,2 @@\n 1\n-2\n+3\n").replace("\n", "\r\n"), {"f": "1\n2\n"}, {"f": "1\n3\n"}),
    "a line that looks like a header": (diff("@@ -1,2 +1 @@\n 1\n--- x\n"), {"f": "1\n-- x\n"}, {"f": "1\n"}),
    "a count that is wrong": (diff("@@ -1,9 +1,9 @@\n 1\n-2\n+3\n"), {"f": "1\n2\n"}, {"f": "1\n3\n"}),
    "a cut fragment": (diff("@@ -1,4 +1,4 @@\n 1\n-2\n"), {"f": "1\n2\n3\n4\n"}, {"f": "1\n3\n4\n"}),
    "the same lines twice": (diff("@@ -1 +1 @@\n-1\n+2\n@@ -1 +1 @@\n-1\n+3\n"), {"f": "1\n"}, "change the same lines"),
    "reversed already": (diff("@@ -1 +1 @@\n-1\n+2\n"), {"f": "2\n"}, "new lines are there already"),
    "tabs for blanks": (diff("@@ -1,2 +1,2 @@\n \tif x:\n-\t\ta\n+\t\tb\n"), {"f": "    if x:\n        a\n"}, {"f": "    if x:\n        b\n"}),
}  # fmt: skip

SUITES = {"codex": CODEX, "aider": AIDER, "git": GIT}
CASES = {f"{suite}: {name}": case for suite, cases in SUITES.items() for name, case in cases.items()}


@pytest.mark.parametrize("name", CASES)
def test_as_elsewhere(name: str) -> None:
    answer, before, after = CASES[name]
    read = {path: text.encode() for path, text in before.items()}.get
    if isinstance(after, str):
        with pytest.raises(EditRefused, match=after):
            apply(formats.parse(answer), read)
    else:
        applied = apply(formats.parse(answer), read)
        found = {path: change.content and change.content.decode() for path, change in applied.files.items()}
        assert {path: "" if text == b"" else text for path, text in found.items()} == after
