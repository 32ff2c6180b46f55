"""What git knows of a repository's tools may be an agent's work: its links show nothing outside of the walls."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.sandbox.rooms import Room
from tests.conftest import Repo


@pytest.mark.parametrize("link", ["node_modules", "venv", "venv/bin/x", ".venv/bin/x"])
def test_a_committed_link_shows_nothing_outside(repo: Repo, room: Room, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "elsewhere" / "secret"
    outside.parent.mkdir()
    outside.write_text("canary")
    (repo.path / link).parent.mkdir(parents=True, exist_ok=True)
    (repo.path / link).symlink_to(outside if "/" in link else outside.parent)
    repo.git("add", "-Af")
    repo.git("commit", "-qm", "a link, as a task may land one")
    through = outside if "/" in link else repo.path / link / "secret"
    assert "canary" not in room.said(["cat", str(through)])
