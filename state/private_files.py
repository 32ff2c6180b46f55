"""Small files in `.git/refactory/`: this clone's own, never committed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from state.files import NewFile, write_new


def write_private(path: Path, text: str, durable: bool = True) -> None:
    """Mode 0600 from the first byte, replaced as a whole; nothing is left beside it where that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        write_new([NewFile(str(beside), text.encode(), 0o600)], durable)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
