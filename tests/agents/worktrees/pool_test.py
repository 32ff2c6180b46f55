from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.git.repository import Repository
from agents.processes.inhabitants import inhabitants
from agents.worktrees.pool import Pool
from state.errors import RefactoryError, WorkFailed
from tests.conftest import Repo, make_repo


@pytest.fixture
def pool(repo: Repo, tmp_path: Path) -> Pool:
    git_dir = repo.path / ".git"
    return Pool(Repository(git_dir), tmp_path / "pool", git_dir / "refactory" / "git-lock")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder of somebody else's."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "precious.txt").write_text("theirs\n")
    return folder


def test_a_worktree_that_became_a_symlink_is_built_anew(pool: Pool, repo: Repo, victim: Path) -> None:
    head = repo.git("rev-parse", "main")
    with pool.checkout(head) as worktree:
        shutil.rmtree(worktree.path)
        worktree.path.symlink_to(victim)
    with pool.checkout(head) as again:
        assert again.path == worktree.path
        assert not again.path.is_symlink()
        assert (again.path / "calc.py").is_file()
        assert again.snapshot().tree == again.git.tree(head)
    assert [path.name for path in victim.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize("replacement", ["symlink", "other folder", "nothing"])
def test_what_replaced_a_worktree_is_not_committed(
    pool: Pool, repo: Repo, victim: Path, replacement: str
) -> None:
    with pool.checkout(repo.git("rev-parse", "main")) as worktree:
        worktree.path.rename(worktree.path.with_name("moved"))
        if replacement == "symlink":
            worktree.path.symlink_to(victim)
        elif replacement == "other folder":
            shutil.copytree(victim, worktree.path)
        with pytest.raises(WorkFailed, match="working folder"):
            worktree.snapshot()


def test_a_worktree_that_was_removed_is_built_anew(pool: Pool, repo: Repo) -> None:
    head = repo.git("rev-parse", "main")
    with pool.checkout(head) as worktree:
        shutil.rmtree(worktree.path)
    with pool.checkout(head) as again:
        assert (again.path / "calc.py").is_file()


CLOSED = """
import sys
from pathlib import Path
from agents.git.repository import Repository
from agents.worktrees.pool import Pool
git_dir, folder, head, victim = map(Path, sys.argv[1:])
pool = Pool(Repository(git_dir), folder, git_dir / "refactory" / "git-lock")
with pool.checkout(str(head)) as worktree:
    closed = worktree.path / "build" / "closed"
    closed.mkdir(parents=True)
    (closed / "left.txt").write_text("left")
    (closed.parent / "out").symlink_to(victim)
    closed.chmod(0), closed.parent.chmod(0o500)
with pool.checkout(str(head)) as again:
    print(again.path.name, sorted(path.name for path in again.path.iterdir()))
"""

# Permissions hinder root only without these capabilities.
AS_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.getuid() == 0 else []


@pytest.mark.skipif(bool(AS_ANYBODY) and not shutil.which("setpriv"), reason="root, and no setpriv(1)")
def test_folders_without_permissions_are_cleaned_for_the_next_task(
    repo: Repo, tmp_path: Path, victim: Path
) -> None:
    victim.chmod(0o711)
    head = repo.git("rev-parse", "main")
    given: list[str | Path] = [repo.path / ".git", tmp_path / "pool", head, victim]
    done = subprocess.run(
        [*AS_ANYBODY, sys.executable, "-c", CLOSED, *given],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1 ['.git', 'calc.py', 'tests']\n", "")
    assert victim.stat().st_mode & 0o777 == 0o711, "a link's target is somebody else's"


KILLED = """
import os, subprocess, sys
from pathlib import Path
from agents.git.repository import Repository
from agents.processes.tree import MARK
from agents.worktrees.pool import Pool
git_dir, folder, head = map(Path, sys.argv[1:])
pool = Pool(Repository(git_dir), folder, git_dir / "refactory" / "git-lock")
with pool.checkout(str(head)) as worktree:
    sleep = subprocess.Popen(["sleep", "100"], cwd=worktree.path, env={**os.environ, MARK: ":1"})
    print(sleep.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no /proc here")
def test_what_a_killed_agent_left_running_ends_before_the_next_task(pool: Pool, repo: Repo) -> None:
    head = repo.git("rev-parse", "main")
    given: list[str | Path] = [repo.path / ".git", pool.folder, head]
    command = [sys.executable, "-c", KILLED, *given]
    killed = subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE)
    assert killed.stdout
    left = int(killed.stdout.readline())
    assert killed.wait() == -signal.SIGKILL
    assert set(inhabitants(pool.folder / "1")) == {left}
    with pool.checkout(head) as worktree:
        assert worktree.path.name == "1"
        assert set(inhabitants(worktree.path)) == set()
    assert [path.name for path in pool.folder.glob("*.busy")] == []


def test_worktrees_of_the_user_may_have_any_name(pool: Pool, repo: Repo, tmp_path: Path) -> None:
    latin = os.fsencode(tmp_path) + b"/caf\xe9"
    subprocess.run(["git", "worktree", "add", "-q", "--detach", latin], cwd=repo.path, check=True)
    gone = repo.path / ".git" / "worktrees" / "gone"
    gone.mkdir()
    (gone / "gitdir").symlink_to("pruned")
    with pool.checkout(repo.git("rev-parse", "main")):
        assert pool.unused() == []
    assert pool.unused() == ["1"]
    pool.dispose()
    assert pool.unused() == []
    assert Path(os.fsdecode(latin)).is_dir()


def test_two_clones_never_share_a_worktree(pool: Pool, repo: Repo, tmp_path: Path) -> None:
    with pool.checkout(repo.git("rev-parse", "main")):
        pass
    other = make_repo(tmp_path / "other")
    head = other.commit({"other.txt": "x\n"})
    theirs = Pool(Repository(other.path / ".git"), pool.folder, other.path / ".git" / "lock")
    with theirs.checkout(head) as worktree:
        assert worktree.git.git_dir.parent == (other.path / ".git" / "worktrees").resolve()
        assert (worktree.path / "other.txt").is_file()


def test_a_folder_that_cannot_be_made_says_which_other_will_do(repo: Repo, tmp_path: Path) -> None:
    """As in a container whose user has no home."""
    (tmp_path / "file").touch()
    git_dir = repo.path / ".git"
    pool = Pool(Repository(git_dir), tmp_path / "file" / "pool", git_dir / "refactory" / "git-lock")
    with pytest.raises(RefactoryError, match="Not a directory") as refused, pool.checkout("HEAD"):
        pass
    assert "XDG_CACHE_HOME" in refused.value.hint
