"""Git's name for a content, without starting git (gitformat-loose(5), the header and what follows it)."""

from __future__ import annotations

import hashlib


def blob_id(data: bytes | memoryview, like: str) -> str:
    """`like`: any id of the same repository; its length says by which hash things are named there."""
    digest = hashlib.new(
        "sha256" if len(like) == 64 else "sha1", b"blob %d\0" % len(data), usedforsecurity=False
    )
    digest.update(data)
    return digest.hexdigest()
