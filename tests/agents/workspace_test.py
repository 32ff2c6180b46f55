from __future__ import annotations

from pathlib import Path

import pytest

from agents.git import Repository
from agents.workspace import Workspace
from state.errors import Unavailable
from tests.conftest import Repo


def workspace(repo: Repo, tmp_path: Path, remote: str) -> Workspace:
    git_dir = repo.path / ".git"
    return Workspace(Repository(git_dir), git_dir / "refactory", tmp_path / "cache", remote)


def test_a_recorded_remote_is_never_an_option(repo: Repo, tmp_path: Path) -> None:
    evil = workspace(repo, tmp_path, f"--upload-pack=touch {tmp_path}/pwned;:")
    with pytest.raises(Unavailable):
        evil.fetch("main")
    with pytest.raises(Unavailable):
        workspace(repo, tmp_path, f"--receive-pack=touch {tmp_path}/pwned;:").publish("main")
    assert not (tmp_path / "pwned").exists()
