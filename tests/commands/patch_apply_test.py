"""`patch:apply`: a model's answer from standard input to any git work tree, all of it or nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.edits.changes import Change, EditRefused
from agents.edits.patch import apply_answer
from agents.edits.tree.unfinished import JOURNAL, mend
from tests.agents.edits.formats_test import ANSWERS
from tests.agents.edits.worktree_test import killed_at
from tests.conftest import Refactory, Repo, make_repo

FILES = {"src/a.py": "def f(x):\n    return x\n\n\ndef g(x):\n    return -x\n", "old.txt": "gone\n"}

# One file's content replaced by one line, in each format.
EVIL: dict[str, Callable[[str], str]] = {
    "diff": lambda path: f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+evil\n",
    "git diff": lambda path: (
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+evil\n"
    ),
    "rename": lambda path: f"diff --git a/old.txt b/{path}\nrename from old.txt\nrename to {path}\n",
    "copy": lambda path: f"diff --git a/old.txt b/{path}\ncopy from old.txt\ncopy to {path}\n",
    "search_replace": lambda path: f"{path}\n```\n<<<<<<< SEARCH\n=======\nevil\n>>>>>>> REPLACE\n```\n",
    "apply_patch": lambda path: f"*** Begin Patch\n*** Add File: {path}\n+evil\n*** End Patch\n",
    "move": lambda path: (
        f"*** Begin Patch\n*** Update File: old.txt\n*** Move to: {path}\n@@\n-gone\n+evil\n*** End Patch\n"
    ),
    "whole_file": lambda path: f"{path}\n```\nevil\n```\n",
}
HOSTILE = [
    "../outside", "src/../../outside", "/tmp/outside", "C:/outside", "..\\outside", "src\\..\\..\\outside",
    ".git/config", ".GIT/config", ".Git/hooks/post-commit", "src/.git/config", ".git", ".g\u200cit/config",
    "\ufeff.git/config", "git~1/config", "GIT~1/config", ".git./config", ".git::$INDEX_ALLOCATION/config",
    "\uff0egit/config", ".refactory/config.yaml", ".REFACTORY/config.yaml", "refact~1/config.yaml",
    "link/x", "pipe", "deep/link/x", "./.git/config", "src//.git/config", ".gitattributes", "src/.gitmodules",
]  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Repo:
    repo = make_repo(tmp_path / "tree")
    repo.commit(FILES)
    return repo


def state(root: Path) -> dict[str, tuple[int, object]]:
    found: dict[str, tuple[int, object]] = {}
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode
        what = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path)] = (mode, what)
    return found


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_in_any_format(tree: Repo, name: str) -> None:
    there = Refactory(tree.path / "src")
    before = state(tree.path)
    data = there.data("patch:apply", "--check", input=ANSWERS[name])  # type: ignore[index]
    assert (data["editFormat"], data["written"]) == (name, False)
    assert state(tree.path) == before
    data = there.data("patch:apply", input=ANSWERS[name])  # type: ignore[index]
    assert data["written"] is True
    assert {each["path"]: each["change"] for each in data["files"]} == {
        "src/a.py": "modified",
        "new.txt": "created",
        "old.txt": "deleted",
    }
    assert (tree.path / "src/a.py").read_text() == FILES["src/a.py"].replace("return x", "return 2 * x")
    assert (tree.path / "new.txt").read_text() == "hi\n"
    assert not (tree.path / "old.txt").exists()
    assert not (tree.path / ".refactory").exists()


def test_a_refusal_says_why_and_changes_nothing(tree: Repo) -> None:
    answer = "old.txt\n```\n<<<<<<< SEARCH\ngone\n=======\nnew\n>>>>>>> REPLACE\n```\n\nsrc/a.py\n```\n<<<<<<< SEARCH\n"
    answer += "    return y\n=======\n    return 3\n>>>>>>> REPLACE\n```\n"
    before = state(tree.path)
    done = Refactory(tree.path).run("patch:apply", input=answer)
    assert done.code == 4
    assert "src/a.py, hunk 1" in done.err
    assert "2|     return x" in done.err
    assert state(tree.path) == before


def test_outside_of_the_scope(tree: Repo) -> None:
    there = Refactory(tree.path)
    for scope in (["--scope", "docs/**"], ["--scope", "*.txt", "--scope", "!old.txt"]):
        done = there.run("patch:apply", *scope, input=ANSWERS["diff"])
        assert (done.code, "scope" in done.err) == (4, True)
    there.ok("patch:apply", "--scope", "*.txt", "--scope", "src/**", input=ANSWERS["diff"])


def test_a_file_that_is_not_as_in_the_base(tree: Repo) -> None:
    there = Refactory(tree.path)
    (tree.path / "src/a.py").write_text(FILES["src/a.py"] + "# mine\n")
    done = there.run("patch:apply", "--base", "HEAD", input=ANSWERS["diff"])
    assert done.code == 4
    assert "src/a.py: was changed since the base" in done.err
    there.ok("patch:apply", input=ANSWERS["diff"])


def test_hostile_answers(tree: Repo, tmp_path: Path) -> None:
    """In every format, to every path: refused, and nothing inside or outside of the tree is touched."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree.path / "link").symlink_to(outside)
    (tree.path / "deep").mkdir()
    (tree.path / "deep/link").symlink_to("../../outside")
    os.mkfifo(tree.path / "pipe")
    before = state(tmp_path)
    for path in HOSTILE:
        for name, answer in EVIL.items():
            with pytest.raises(EditRefused):
                apply_answer(answer(path), tree.path)
                raise AssertionError(f"{name} {path!r} was applied")
    assert state(tmp_path) == before
    done = Refactory(tree.path).run("patch:apply", "--json", input=EVIL["apply_patch"](".git/config"))
    assert done.code == 4


@pytest.mark.parametrize(
    "answer",
    [
        "x" * (4 * 1024 * 1024 + 1),
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\0b\n",
        "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n",
        "diff --git a/x b/x\nnew file mode 160000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+Subproject commit 1\n",
        "diff --git a/old.txt b/old.txt\nindex 1..2\nGIT binary patch\nliteral 3\nabc\n",
        "LGTM",
        "",
    ],
)
def test_what_is_no_edit_of_text(tree: Repo, answer: str) -> None:
    before = state(tree.path)
    assert Refactory(tree.path).run("patch:apply", input=answer).code == 4
    assert state(tree.path) == before


def test_not_in_a_work_tree(tmp_path: Path) -> None:
    assert Refactory(tmp_path).run("patch:apply", input=ANSWERS["diff"]).code == 2


def test_names_with_blanks_and_quotes_and_bytes(tree: Repo) -> None:
    tree.commit({"a b/ü.txt": "1\n", 'q"uo': "1\n"})
    tree.write({"a b/ü.txt": "2\n", 'q"uo': "2\n"})
    diff = tree.git("diff") + "\n"
    tree.git("checkout", "-q", "--", ".")
    Refactory(tree.path).ok("patch:apply", input=diff)
    assert (tree.path / "a b/ü.txt").read_text() == (tree.path / 'q"uo').read_text() == "2\n"


NEW_FILE = "{}\n```\nnew\n```\n"


def test_repositories_inside_and_submodules(tree: Repo) -> None:
    make_repo(tree.path / "inside").commit({"x": "1\n"})
    (tree.path / "gone").mkdir()
    tree.git("update-index", "--add", "--cacheinfo", f"160000,{tree.git('rev-parse', 'HEAD')},gone")
    before = state(tree.path)
    for path in ("inside/x", "inside/new", "gone/new", "gone/er/new"):
        done = Refactory(tree.path).run("patch:apply", input=NEW_FILE.format(path))
        assert (done.code, "submodule" in done.err) == (4, True)
    assert state(tree.path) == before


def test_a_sparse_checkout(tree: Repo) -> None:
    tree.git("sparse-checkout", "set", "--no-cone", "/*", "!/old.txt")
    assert not (tree.path / "old.txt").exists()
    done = Refactory(tree.path).run("patch:apply", input=NEW_FILE.format("old.txt"))
    assert (done.code, "old.txt: is tracked, but not checked out" in done.err) == (4, True)
    assert "git sparse-checkout add" in done.err
    Refactory(tree.path).ok("patch:apply", input=NEW_FILE.format("new.txt"))


def test_names_that_are_no_utf8_in_every_output_format(tree: Repo) -> None:
    for number, form in enumerate(("text", "yaml", "json")):
        diff = f'--- /dev/null\n+++ "b/{number}\\377"\n@@ -0,0 +1 @@\n+x\n'
        done = Refactory(tree.path).run("patch:apply", "--format", form, input=diff)
        assert (done.code, done.err) == (0, "")
        assert f"{number}\\xff" in done.out.replace("\\\\", "\\")
        assert (tree.path / f"{number}\udcff").read_text() == "x\n"


def test_two_at_once(tree: Repo) -> None:
    """Each finds its place in what the other has left, whatever comes first."""
    tree.commit({"f": "".join(f"line {n}\n" for n in range(40))})
    there = Refactory(tree.path)
    answers = [f"--- a/f\n+++ b/f\n@@\n-line {n}\n+{n}\n" for n in range(0, 40, 10)]
    started = [there.start("patch:apply", stdin=subprocess.PIPE) for _ in answers]
    for process, answer in zip(started, answers, strict=True):
        assert process.stdin
        process.stdin.write(answer)
        process.stdin.close()
    assert [process.wait() for process in started] == [0] * len(answers)
    lines = (tree.path / "f").read_text().split("\n")
    assert [lines[n] for n in range(0, 40, 10)] == ["0", "10", "20", "30"]
    assert not list(tree.path.glob(".edit-*"))


def killed(tree: Repo) -> None:
    """In the middle of a write, when a file is away and nothing in its place."""
    journal = tree.path / ".git/refactory" / JOURNAL
    journal.parent.mkdir(exist_ok=True)
    for call in range(1, 100):
        assert killed_at(call, tree.path, journal, {"src/a.py": Change(b"evil\n")})
        if not (tree.path / "src/a.py").exists():
            return
        mend(journal, tree.path)


def test_the_next_one_undoes_what_a_kill_left_and_says_so(tree: Repo) -> None:
    there = Refactory(tree.path)
    before = state(tree.path / "src")
    killed(tree)
    assert there.run("patch:apply", "--check", input=ANSWERS["diff"]).code == 5
    done = there.run("patch:apply", input="LGTM")
    assert (done.code, "killed has been undone: src/a.py" in done.err) == (4, True)
    assert state(tree.path / "src") == before
    killed(tree)
    there.ok("init")
    assert "patch:apply was killed" in there.run("doctor").out
    there.ok("doctor", "--fix")
    assert state(tree.path / "src") == before
    assert not list(tree.path.glob(".edit-*"))
