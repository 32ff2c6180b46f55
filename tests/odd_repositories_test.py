"""Repositories as they are in the wild."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Refactory, Repo, make_repo, new_file

ONE = {"one": new_file("one.py", "one = 1\n")}


@pytest.fixture
def odd(repo: Repo, tmp_path: Any) -> Repo:
    """Non-ASCII paths, CRLF, binary, a symlink, an executable bit, a submodule, spaces."""
    library = make_repo(tmp_path / "library")
    library.commit({"lib.txt": "lib\n"})
    repo.write(
        {
            "dokumente/Übergröße ✓.txt": "ä\n",
            "dos.txt": b"one\r\ntwo\r\nthree\r\n",
            "binary.bin": bytes(range(256)),
            "with space/a file.txt": "x\n",
            "run.sh": "#!/bin/sh\necho hi\n",
        }
    )
    (repo.path / "link").symlink_to("dos.txt")
    (repo.path / "run.sh").chmod(0o755)
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.path), "sub module")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "odd things")
    return repo


def test_odd_files_stay_as_they_are(odd: Repo, refactory: Refactory, scripted: Any) -> None:
    edit = "--- a/dos.txt\n+++ b/dos.txt\n@@ -1,3 +1,4 @@\n one\n+one and a half\n two\n three\n"
    umlaut = "--- a/dokumente/Übergröße ✓.txt\n+++ b/dokumente/Übergröße ✓.txt\n@@ -1 +1 @@\n-ä\n+ö\n"
    scripted(**ONE, two=edit, three=umlaut)
    before = odd.git("ls-tree", "-r", "HEAD")
    refactory.ok(
        "run", "--title", "T", "--from", "-", "--as", "merge", input="## One\n\n## Two\n\n## Three\n"
    )
    after = odd.git("ls-tree", "-r", "HEAD")
    changed = {line.split("\t")[1].strip('"') for line in set(before.splitlines()) ^ set(after.splitlines())}
    assert len(changed) == 3
    assert "one.py" in changed
    assert "dos.txt" in changed
    show = odd.path / "dos.txt"
    assert show.read_bytes() == b"one\r\none and a half\r\ntwo\r\nthree\r\n"
    assert (odd.path / "dokumente/Übergröße ✓.txt").read_text() == "ö\n"
    assert "160000 commit" in after
    assert odd.git("status", "--porcelain", "--untracked-files=no") == ""


def test_a_dirty_working_tree_is_left_as_it_was(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(**ONE)
    repo.write({"calc.py": "dirty = True\n", "untracked.txt": "mine\n", "staged.txt": "staged\n"})
    repo.git("add", "staged.txt")
    before = repo.git("status", "--porcelain", "-uall").replace("?? .refactory", "")
    refactory.ok("run", "--title", "T", "--from", "-", input="## One\n")
    lines = [
        line for line in repo.git("status", "--porcelain", "-uall").splitlines() if ".refactory/" not in line
    ]
    assert set(lines) == {"M calc.py", "A  staged.txt", "?? untracked.txt"} or set(lines) == {
        " M calc.py", "A  staged.txt", "?? untracked.txt",
    }, before  # fmt: skip
    assert (repo.path / "calc.py").read_text() == "dirty = True\n"
    assert (repo.path / "one.py").read_text() == "one = 1\n", "what landed is there beside it"


def test_a_dirty_file_in_the_way_stops_the_merge_whole(
    repo: Repo, refactory: Refactory, scripted: Any
) -> None:
    scripted(
        one="--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,3 @@\n def add(a, b):\n+    # sum\n     return a + b\n"
    )
    repo.write({"calc.py": "dirty = True\n"})
    head = repo.git("rev-parse", "main")
    done = refactory.run("run", "--title", "T", "--from", "-", input="## One\n")
    assert done.code == 4
    assert "calc.py" in done.err
    assert (repo.path / "calc.py").read_text() == "dirty = True\n"
    assert repo.git("rev-parse", "main") == head
    repo.git("checkout", "calc.py")
    refactory.ok("run", "1")
    assert "# sum" in (repo.path / "calc.py").read_text()


def test_a_detached_head_wants_a_target(repo: Repo, refactory: Refactory, scripted: Any) -> None:
    scripted(**ONE)
    repo.git("checkout", "-q", "--detach")
    refused = refactory.run("run", "--title", "T", "--from", "-", input="## One\n")
    assert refused.code == 2
    assert "--target-branch" in refused.err
    refactory.ok("run", "--title", "T", "--from", "-", "--target-branch", "main", input="## One\n")
    assert repo.show("one.py", "main") == "one = 1"
    assert not (repo.path / "one.py").exists(), "the detached working tree is not main's"


def test_no_commits_is_a_clear_error(tmp_path: Any) -> None:
    empty = make_repo(tmp_path / "empty")
    program = Refactory(empty.path)
    program.ok("init")
    done = program.run("run", "--title", "T", "--target-branch", "main")
    assert done.code == 4
    assert "no commits" in done.err


def test_records_that_are_committed_are_not_in_task_worktrees(repo: Repo, refactory: Refactory) -> None:
    """An agent that deletes or writes `.refactory` changes nothing of it."""
    config = repo.path / ".refactory" / "config.yaml"
    command = "ls -a >seen.txt; mkdir -p .refactory; echo x >.refactory/x"
    config.write_text(f"coder:\n  backend: command\n  command: {command}\n")
    repo.git("add", "-f", ".refactory")
    repo.git("commit", "-qm", "state")
    committed = repo.git("ls-tree", "-r", "main", ".refactory")
    refactory.ok("run", "--title", "T")
    assert ".refactory" not in repo.show("seen.txt", "main").split()
    assert repo.git("ls-tree", "-r", "main", ".refactory") == committed
