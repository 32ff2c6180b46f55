"""Small files in `.git/refactory/`: this clone's own, never committed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def writer_id(private: Path) -> str:
    """This clone's name in the audit log; made once. Call under the lock."""
    return read_or_make(private / "writer", lambda: secrets.token_hex(4))


def read_or_make(path: Path, make: object) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        assert callable(make)
        text = str(make())
        write_private(path, text + "\n")
        return text


def write_private(path: Path, text: str) -> None:
    """Mode 0600 from the first byte, replaced as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
