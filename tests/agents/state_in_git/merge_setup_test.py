from __future__ import annotations

from agents.state_in_git.merge_setup import install
from state.location import locate
from tests.conftest import Repo


def test_the_lock_of_a_killed_git_config_is_no_hindrance(repo: Repo) -> None:
    location = locate(repo.path)
    location.records.mkdir()
    install(location)
    (location.private / "git-lock.work").write_bytes(bytes(location.git_dir) + b"\0")
    (location.git_dir / "config.lock").touch()
    install(location)
    assert "state:merge" in repo.git("config", "merge.refactory.driver")
