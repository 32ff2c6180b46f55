"""The journal's first byte: whether a change is still to be done. Each command asks, and most need no more of it."""

from __future__ import annotations

from pathlib import Path

from state.files import read_regular

OPEN, DONE = b"1", b"0"


def is_open(journal: Path) -> bool:
    """A file that is no journal counts as open: it is a case for who reads it."""
    try:
        return read_regular(journal, len(DONE)) not in (DONE, b"")
    except FileNotFoundError:
        return False
    except OSError:
        return True
