"""Coders that do what nobody would think of: their work is kept, and the next task is not harmed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from agents.git.repository import Repository
from agents.worktrees.pool import Pool
from agents.worktrees.workspace import Workspace
from state.errors import Conflict, WorkFailed
from tests.conftest import Repo, make_repo


@pytest.fixture
def pool(repo: Repo, tmp_path: Path) -> Pool:
    git_dir = repo.path / ".git"
    return Pool(Repository(git_dir), tmp_path / "pool", git_dir / "refactory" / "git-lock")


def coded(repo: Repo, pool: Pool, script: str) -> list[str]:
    """The files that a coder's script adds to main."""
    head = repo.git("rev-parse", "main")
    with pool.checkout(head) as worktree:
        env = {**os.environ, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com"}
        env |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}
        subprocess.run(["sh", "-ec", script], cwd=worktree.path, env=env, check=True)
        tree = worktree.snapshot().tree
        assert worktree.snapshot().tree == tree
    return repo.git("diff-tree", "-r", "--name-only", head, tree).split()


NESTED = "mkdir -p sub; cd sub; git init -q; echo work >w.txt"


@pytest.mark.parametrize("more", ["", "git add .; git commit -qm x", "mkdir in; cd in; git init -q; echo >x"])
def test_the_files_of_a_repository_made_inside_are_committed(repo: Repo, pool: Pool, more: str) -> None:
    wanted = ["sub/in/x", "sub/w.txt"] if "in;" in more else ["sub/w.txt"]
    assert coded(repo, pool, f"{NESTED}; {more}") == wanted


def test_a_repository_that_is_said_to_be_a_submodule_to_be_ignored(repo: Repo, pool: Pool) -> None:
    hide = """printf '[submodule "s"]\\n path = sub\\n ignore = all\\n' >.gitmodules"""
    script = f"{hide}; ({NESTED}; git add .; git commit -qm x)"
    assert coded(repo, pool, script) == [".gitmodules", "sub/w.txt"]


def test_a_repository_inside_a_folder_of_the_commit(repo: Repo, pool: Pool) -> None:
    script = "cd tests; git init -q; echo >new.py; git add .; git commit -qm x"
    assert coded(repo, pool, script) == ["tests/new.py"]


def test_submodules_stay_submodules(repo: Repo, pool: Pool, tmp_path: Path) -> None:
    library = make_repo(tmp_path / "library")
    library.commit({"lib.py": "x = 1\n"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.path), "lib")
    repo.git("commit", "-qm", "submodule")
    clone = f"git clone -q {library.path} lib; {NESTED}; git add .; git commit -qm x"
    assert coded(repo, pool, clone) == ["sub/w.txt"]


def test_what_a_self_ignoring_gitignore_hides_is_committed(repo: Repo, pool: Pool) -> None:
    script = r"printf '*\n' >.gitignore; echo work >'important [1].txt'; mkdir d; echo >d/e"
    assert coded(repo, pool, script) == ["d/e", "important", "[1].txt"]


def test_caches_that_ignore_themselves_are_not_committed(repo: Repo, pool: Pool) -> None:
    cache = r"mkdir .cache; printf '*\n' >.cache/.gitignore; echo >.cache/x; echo >work"
    assert coded(repo, pool, cache) == ["work"]
    assert coded(repo, pool, r"printf 'build/\n' >.gitignore; mkdir build; echo >build/x") == [".gitignore"]


def test_what_a_new_rule_of_the_task_hides_is_named_and_kept(repo: Repo, pool: Pool) -> None:
    repo.commit({".gitignore": "*.log\n"})
    script = r"printf '*.log\nout/\n/n?w\n' >.gitignore; mkdir out; echo >out/x; echo work >new; echo >old.log; echo >a"
    assert coded(repo, pool, script) == [".gitignore", "a"]
    with pool.checkout(repo.git("rev-parse", "main")) as worktree:
        subprocess.run(["sh", "-ec", script], cwd=worktree.path, check=True)
        found = worktree.snapshot()
    assert found.ignored == ("new", "out/")
    assert found.kept is not None
    kept = repo.git("diff-tree", "-r", "--name-only", "main", found.kept).split()
    assert kept == [".gitignore", "a", "new", "out/x"], "what the base ignored is nobody's work"


def test_of_large_hidden_folders_only_the_name_is_kept(repo: Repo, pool: Pool) -> None:
    script = "echo node_modules >.gitignore; mkdir node_modules; truncate -s 20M node_modules/lib"
    with pool.checkout(repo.git("rev-parse", "main")) as worktree:
        subprocess.run(["sh", "-ec", script], cwd=worktree.path, check=True)
        found = worktree.snapshot()
    assert (found.ignored, found.kept) == (("node_modules/",), None)


def test_processes_where_a_slot_that_became_a_symlink_leads_are_not_ours(
    repo: Repo, pool: Pool, tmp_path: Path
) -> None:
    env = {**os.environ, "REFACTORY_RUN_ID": ":theirs"}
    with subprocess.Popen(["sleep", "30"], cwd=tmp_path, env=env) as theirs:
        try:
            with pool.checkout(repo.git("rev-parse", "main")) as worktree:
                worktree.path.rename(worktree.path.with_name("moved"))
                worktree.path.symlink_to(tmp_path)
            assert theirs.poll() is None
        finally:
            theirs.kill()


@pytest.mark.parametrize(
    "damage",
    ['rm -rf "$PWD"', 'rm -rf "$PWD"; echo x >"$PWD"', 'rm -rf "$(dirname "$PWD")"', "rm .git; mkdir .git"],
)
def test_a_slot_that_was_destroyed_is_built_anew(repo: Repo, pool: Pool, damage: str) -> None:
    head = repo.git("rev-parse", "main")
    with pool.checkout(head) as worktree:
        subprocess.run(["sh", "-ec", damage], cwd=worktree.path, check=True)
    with pool.checkout(head) as again:
        assert again.path == worktree.path
        assert again.snapshot().tree == repo.git("rev-parse", "main^{tree}")


def test_a_slot_that_cannot_be_cleared_is_passed_over(
    repo: Repo, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_rm = tmp_path / "bin" / "rm"
    no_rm.parent.mkdir()
    no_rm.write_text("#!/bin/sh\n")
    no_rm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{no_rm.parent}:{os.environ['PATH']}")
    pool.folder.mkdir()
    (pool.folder / "1").mkdir()
    (pool.folder / "1" / "kept").write_text("x")
    rmtree = shutil.rmtree

    def refused(path: Path, ignore_errors: bool = False) -> None:
        if path != pool.folder / "1":
            rmtree(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", refused)
    with pool.checkout(repo.git("rev-parse", "main")) as worktree:
        assert worktree.path.name == "2"


def test_a_branch_that_is_checked_out_is_not_moved_and_a_stale_lock_is_removed(
    repo: Repo, tmp_path: Path
) -> None:
    git_dir = repo.path / ".git"
    workspace = Workspace(Repository(git_dir), git_dir / "refactory", tmp_path, None)
    first = repo.git("rev-parse", "main")
    repo.git("checkout", "-qb", "refactory/plans/1")
    second = repo.commit({"x": "x"})
    with pytest.raises(Conflict, match="checked out in"):
        workspace.set_branch("refactory/plans/1", first, "1")
    repo.git("checkout", "-q", "main")
    lock = git_dir / "refs" / "heads" / "refactory" / "plans" / "1.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    workspace.set_branch("refactory/plans/1", first, "1")
    assert repo.git("rev-parse", "refactory/plans/1") == first != second


DEEP = "import os\nfor _ in range(3000):\n    os.mkdir('d'); os.chdir('d')\nopen('f', 'w').write('x')\n"


def test_folders_deeper_than_a_path_can_be_are_refused_and_removed(
    repo: Repo, pool: Pool, tmp_path: Path
) -> None:
    head = repo.git("rev-parse", "main")
    with pool.checkout(head) as worktree:
        subprocess.run([sys.executable, "-c", DEEP], cwd=worktree.path, check=True)
        with pytest.raises(WorkFailed, match="deeper than a path can be long"):
            worktree.snapshot()
    with pool.checkout(head) as again:
        assert again.path == worktree.path
        assert {path.name for path in again.path.iterdir()} == {".git", "calc.py", "tests"}


def test_more_than_may_be_committed_is_refused_unread_and_named(repo: Repo, pool: Pool) -> None:
    repo.commit({".gitignore": "*.ignored\n", "old.bin": b"\0" * 3000})
    with pool.checkout(repo.git("rev-parse", "main"), most=2000) as worktree:
        shell = partial(subprocess.run, shell=True, cwd=worktree.path, check=True)
        shell("truncate -s 20G d.ignored; echo x >new.txt")
        assert [change.path for change in worktree.snapshot().changed] == ["new.txt"]
        for script in (
            "truncate -s 20G big",
            "mkdir n; cd n; git init -q; truncate -s 20G big",
            "echo >>old.bin",
        ):
            shell(script)
            with pytest.raises(WorkFailed, match=r"(n/)?big has 21474836480|old.bin has 3001"):
                worktree.snapshot()
            shell("rm -rf big n; truncate -s 3000 old.bin")
        shell("printf '*\\n' >tests/.gitignore; truncate -s 20G tests/hidden")
        with pytest.raises(WorkFailed, match="hidden has"):
            worktree.snapshot()
