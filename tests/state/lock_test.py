from __future__ import annotations

from pathlib import Path

import pytest

from state.errors import RefactoryError
from state.lock import locked


def test_a_full_disk_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "lock.holder").symlink_to("/dev/full")
    with (
        pytest.raises(RefactoryError, match=r"lock\.holder: can't write: No space"),
        locked(tmp_path / "lock", "t"),
    ):
        pass
    (tmp_path / "lock.holder").unlink()
    with locked(tmp_path / "lock", "t", seconds=0):
        pass
