"""The same walls, built by a user without privileges. Where tests run as one, all the others show it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.git.repository import Repository
from agents.sandbox import confined, for_tests
from agents.sandbox.bubblewrap import why_not
from agents.worktrees.pool import Pool
from state.config import Sandbox as Settings
from tests.conftest import make_repo

NOBODY = 65534
ATTACK = """
id -u; echo work >new.py; touch $1/outside /usr/x 2>&1; cat $1/secret 2>&1; ls -A ~
cat /proc/1/environ | tr '\\0' '\\n' | grep -c canary; rm .git 2>&1
head -c1 </dev/tcp/127.0.0.1/$2 2>&1 && echo reached
for i in $(seq 200); do sleep 60 & done 2>&1 | grep -m1 -o 'Resource temporarily unavailable'
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Where another user may go."""
    folder = Path(tempfile.mkdtemp(prefix="refactory-plain-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0 or bool(why_not()), reason="only root can become somebody else")
def test_a_plain_user_has_the_same_walls(place: Path) -> None:
    repo = make_repo(place / "repo")
    repo.commit({"a": "a"})
    (place / "secret").write_text("canary")
    (place / "home").mkdir()
    (place / "home" / "mine").write_text("x")
    git_dir = repo.path / ".git"
    pool = Pool(Repository(git_dir), place / "pool", git_dir / "refactory" / "git-lock")
    settings = Settings(mode="bwrap", processes=8)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place / "home")}
    with pool.checkout(repo.git("rev-parse", "main")) as worktree:
        held = confined(["bash", "-c", ATTACK, "bash", str(place), "1"], env, for_tests(worktree, settings))
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", place], check=True)
        plain = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *held.argv]
        done = subprocess.run(
            plain, env=held.env, cwd="/", capture_output=True, text=True, timeout=60, check=False
        )
        subprocess.run(["chown", "-R", "0:0", place], check=True)
        assert (worktree.path / "new.py").read_text() == "work\n"
    lines = done.stdout.splitlines()
    assert lines[0] == str(NOBODY), done.stderr
    assert not (place / "outside").exists()
    assert "canary" not in lines
    assert "mine" not in lines
    assert "0" in lines, "nothing secret in the first process's environment"
    assert any("rm: cannot remove '.git'" in line for line in lines)
    assert "reached" not in lines
    assert "Resource temporarily unavailable" in lines, "RLIMIT_NPROC binds behind walls"
