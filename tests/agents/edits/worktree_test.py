from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agents.edits.changes import EXECUTABLE, REGULAR, Applied, Change, EditRefused
from agents.edits.patch import apply_answer, try_answer
from agents.edits.tree.unfinished import mend
from agents.edits.tree.worktree import read_from, write
from state.errors import RefactoryError


def snapshot(root: Path) -> dict[str, object]:
    def entries() -> Iterator[tuple[str, object]]:
        for path in sorted(root.rglob("*")):
            mode = path.lstat().st_mode
            what = (
                str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            )
            yield str(path.relative_to(root)), (mode, what)

    return dict(entries())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name, text in {"a.txt": "a\n", "deep/er/b.txt": "b\n", "run": "#!\n", "stay/put": "s\n"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "run").chmod(0o755)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret\n")
    return root


def put(root: Path, **files: bytes | None) -> None:
    write(Applied({path: Change(content) for path, content in files.items()}), root)


def test_writes_creates_deletes_and_keeps_modes(tree: Path) -> None:
    changes = {
        "a.txt": Change(b"A\n", EXECUTABLE),
        "deep/er/b.txt": Change(None),
        "new/folder/c": Change(b"c\n", REGULAR),
        "run": Change(None),
        "go": Change(b"#!!\n", source="run"),
        "tool": Change(b"t\n", EXECUTABLE),
    }
    write(Applied(changes), tree)
    files = {p for p, (mode, _) in snapshot(tree).items() if stat.S_ISREG(mode)}  # type: ignore[misc,index]
    assert files == {"a.txt", "new/folder/c", "go", "tool", "stay/put"}
    assert not (tree / "deep").exists()
    assert {name for name in files if os.access(tree / name, os.X_OK)} == {"a.txt", "go", "tool"}
    assert (tree / "a.txt").read_bytes() == b"A\n"


def test_a_folder_takes_a_file_s_name_and_back(tree: Path) -> None:
    write(Applied({"a.txt": Change(None), "a.txt/x": Change(b"x")}), tree)
    assert (tree / "a.txt/x").read_bytes() == b"x"
    write(Applied({"a.txt/x": Change(None), "a.txt": Change(b"y")}), tree)
    assert (tree / "a.txt").read_bytes() == b"y"


def test_a_hard_link_to_the_outside_is_replaced(tree: Path, tmp_path: Path) -> None:
    os.link(tmp_path / "outside/secret", tree / "linked")
    put(tree, linked=b"mine\n")
    assert (tmp_path / "outside/secret").read_text() == "secret\n"


@pytest.mark.parametrize("content", [b"x", None])
@pytest.mark.parametrize(
    "path", ["leaf", "dir/secret", "dir/new", "deep/up/secret", "loop/x", "dangling", "pipe"]
)
def test_links_are_never_followed(tree: Path, tmp_path: Path, path: str, content: bytes | None) -> None:
    outside = tmp_path / "outside"
    (tree / "leaf").symlink_to(outside / "secret")
    (tree / "dir").symlink_to(outside)
    (tree / "deep/up").symlink_to("../../outside")
    (tree / "loop").symlink_to("loop")
    (tree / "dangling").symlink_to(outside / "fresh")
    os.mkfifo(tree / "pipe")
    before = snapshot(tmp_path)
    with pytest.raises(EditRefused):
        write(Applied({"a.txt": Change(b"changed"), "z/y": Change(b"new"), path: Change(content)}), tree)
    assert snapshot(tmp_path) == before
    with pytest.raises(EditRefused):
        read_from(tree)(path)


def test_what_claims_to_be_larger_than_memory_is_refused_unread(tree: Path) -> None:
    (tree / "big").touch()
    os.truncate(tree / "big", 20 * 2**30)
    with pytest.raises(EditRefused, match="big: has 21474836480 bytes"):
        read_from(tree)("big")


def test_reading(tree: Path) -> None:
    read = read_from(tree)
    assert read("deep/er/b.txt") == b"b\n"
    assert read("none") is None
    assert read("no/such/folder") is None
    with pytest.raises(EditRefused):
        read("deep")


@pytest.mark.parametrize("bad", ["stay", "a.txt/below", ".git/config", "../outside/secret", ".refactory/x"])
def test_a_failure_leaves_the_tree_as_it_was(tree: Path, tmp_path: Path, bad: str) -> None:
    before = snapshot(tmp_path)
    changes = {
        "deep/er/b.txt": Change(None),
        "new/er/x": Change(b"x"),
        "run": Change(b"r"),
        bad: Change(b"bad"),
    }
    with pytest.raises(EditRefused):
        write(Applied(changes), tree)
    assert snapshot(tmp_path) == before


def test_an_answer_in_one_call(tree: Path) -> None:
    apply_answer("--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+z\n", tree, ["a.txt"])
    assert (tree / "a.txt").read_text() == "z\n"
    before = snapshot(tree)
    with pytest.raises(EditRefused):
        apply_answer(
            "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-z\n+y\n--- a/run\n+++ b/run\n@@\n-no\n+yes\n", tree
        )
    assert snapshot(tree) == before


def test_a_file_that_changed_between_reading_and_writing_is_left_alone(tree: Path) -> None:
    applied = try_answer(
        "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+z\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+n\n", tree
    )
    (tree / "a.txt").write_text("somebody else's\n")
    before = snapshot(tree)
    with pytest.raises(EditRefused, match=r"a\.txt"):
        write(applied, tree)
    assert snapshot(tree) == before


def test_copies_and_files_that_swap_their_names(tree: Path) -> None:
    copy = "diff --git a/a.txt b/c.txt\ncopy from a.txt\ncopy to c.txt\n--- a/a.txt\n+++ b/c.txt\n@@ -1 +1 @@\n-a\n+c\n"
    apply_answer(copy, tree)
    assert [(tree / name).read_text() for name in ("a.txt", "c.txt")] == ["a\n", "c\n"]
    pairs = (("a.txt", "run"), ("run", "a.txt"))
    swap = "".join(
        f"diff --git a/{a} b/{b}\nsimilarity index 100%\nrename from {a}\nrename to {b}\n" for a, b in pairs
    )
    mode = (tree / "run").stat().st_mode
    apply_answer(swap, tree)
    assert [(tree / name).read_text() for name in ("a.txt", "run")] == ["#!\n", "a\n"]
    assert (tree / "a.txt").stat().st_mode == mode


def test_a_signal_right_after_a_file_was_moved_aside_loses_nothing(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler runs right behind the system call: what it raises must find the way back."""
    rename, before = os.rename, snapshot(tree)

    def interrupted(*args: object, **more: object) -> None:
        rename(*args, **more)  # type: ignore[arg-type]
        monkeypatch.setattr(os, "rename", rename)
        raise SystemExit(143)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(SystemExit):
        put(tree, **{"a.txt": b"A\n"})
    assert snapshot(tree) == before


EDITS = {
    "a.txt": Change(b"A\n"),
    "deep/er/b.txt": Change(None),
    "new/folder/c": Change(b"c\n"),
    "run": Change(None),
    "run/x": Change(b"x\n"),
}


def killed_at(call: int, tree: Path, journal: Path, edits: dict[str, Change] = EDITS) -> bool:
    """True if the writer was killed before its nth change of the file system."""
    child = os.fork()
    if child == 0:
        count = 0

        def counted(name: str) -> None:
            real = getattr(os, name)

            def call_or_die(*args: object, **more: object) -> object:
                nonlocal count
                count += 1
                if count == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **more)

            setattr(os, name, call_or_die)

        for name in ("rename", "mkdir", "rmdir", "unlink", "open"):
            counted(name)
        with suppress(BaseException):
            write(Applied(edits), tree, journal)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_kill_at_any_point_is_undone_by_the_next_one(tree: Path, tmp_path: Path) -> None:
    before, journal = snapshot(tree), tmp_path / "private/edit.json"
    journal.parent.mkdir()
    call = 1
    undone = 0
    while killed_at(call, tree, journal):
        call += 1
        was_begun = journal.exists()
        found = mend(journal, tree)
        assert (found is not None) is was_begun
        if snapshot(tree) != before:  # all of it was done: only the rest of the work aside was left
            assert found is None
            break
        undone += bool(found and found.paths)
        assert not list(journal.parent.iterdir())
    assert undone > 10
    after = snapshot(tree)
    assert {name for name, (mode, _) in after.items() if stat.S_ISREG(mode)} == {  # type: ignore[misc,index]
        "a.txt", "new/folder/c", "run/x", "stay/put",
    }  # fmt: skip
    assert not list(journal.parent.iterdir())


def test_what_somebody_wrote_after_the_kill_is_kept(tree: Path, tmp_path: Path) -> None:
    journal = tmp_path / "edit.json"
    write(Applied({"a.txt": Change(b"A\n")}), tree, journal)
    (tree / "a.txt").write_bytes(b"a\n")
    for call in range(1, 100):
        assert killed_at(call, tree, journal)
        if journal.exists() and (tree / "new/folder/c").exists():
            break
        mend(journal, tree)
    (tree / "a.txt").write_bytes(b"mine\n")
    undone = mend(journal, tree)
    assert undone is not None
    assert undone.kept == ["a.txt"]
    assert "a.txt" in undone.told()
    assert (tree / "a.txt").read_bytes() == b"mine\n"
    assert (tree / "deep/er/b.txt").read_bytes() == b"b\n"
    assert (tree / undone.aside / "0.old").read_bytes() == b"a\n"


@pytest.mark.parametrize("name", ["open", "mkdir", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_file_system_that_refuses(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    before, real = snapshot(tree), getattr(os, name)
    for call in range(1, 40):
        left = call

        def failing(*args: object, **more: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(number, os.strerror(number))
            return real(*args, **more)

        monkeypatch.setattr(os, name, failing)
        try:
            write(Applied(EDITS), tree, tmp_path / "edit.json")
        except RefactoryError as error:
            monkeypatch.setattr(os, name, real)
            assert os.strerror(number) in error.message
            mend(tmp_path / "edit.json", tree)
            assert snapshot(tree) == before
        else:
            break
    monkeypatch.setattr(os, name, real)
    assert (tree / "run/x").exists()


def test_repositories_inside_are_not_touched(tree: Path) -> None:
    (tree / "deep/.git").mkdir()
    (tree / "stay/.git").write_text("gitdir: elsewhere\n")
    before = snapshot(tree)
    for path in ("deep/er/b.txt", "deep/new", "stay/put"):
        with pytest.raises(EditRefused, match="repository of its own"):
            apply_answer(f"{path}\n```\nb\n```\n", tree)
        with pytest.raises(EditRefused, match="repository of its own"):
            write(Applied({"a.txt": Change(b"A"), path: Change(b"b")}), tree)
    assert snapshot(tree) == before
