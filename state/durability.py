"""Whether a transaction waits for the disk: one key of the configuration, read by itself.

To know the types of all other keys took each start of a `request:create` 7 ms.
"""

from __future__ import annotations

from pathlib import Path

from state.canonical import load
from state.errors import RefactoryError
from state.files import read_regular


def is_full(path: Path) -> bool:
    """Also if it can't be read: who edits the configuration just now must not lose an agent's work."""
    try:
        found = load(read_regular(path), str(path))
    except (RefactoryError, OSError):
        return True
    return found.get("durability") != "fast"
