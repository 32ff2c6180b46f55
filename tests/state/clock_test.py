"""Times as records have them."""

from __future__ import annotations

import time

import pytest

from state.clock import now, seconds
from state.errors import InvalidFile


def test_what_is_written_is_read() -> None:
    assert 0 <= time.time() - seconds(now()) < 5


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_no_bug(text: str) -> None:
    with pytest.raises(InvalidFile, match="a record's time is"):
        seconds(text)
