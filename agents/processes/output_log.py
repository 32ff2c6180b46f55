"""The output of a command on disk: bounded, and never held in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

CHUNK = 65536
END = 65536
PIPE_SIZE = 1024 * 1024


class OutputLog:
    """Keeps the beginning and the last of a stream: how a test run ends tells most."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self.file = file
        self.keep_end = min(END, limit // 2)
        self.room = limit - self.keep_end
        self.end = bytearray()
        self.dropped = 0

    @classmethod
    @contextmanager
    def into(cls, path: Path, limit: int) -> Iterator[OutputLog]:
        """A log that is complete when the block is left, however it is left."""
        with path.open("wb") as file:
            log = cls(file, limit)
            try:
                yield log
            finally:
                log.close()

    def copy(self, pipe: IO[bytes]) -> bool:
        """Take what is there; False at the stream's end."""
        try:
            data = os.read(pipe.fileno(), CHUNK)
        except BlockingIOError:
            return True
        self.add(data)
        return bool(data)

    def drain(self, pipe: IO[bytes]) -> None:
        """What a pipe can still hold, and no more: an escaped process may write into it for ever."""
        with pipe:
            for _ in range(PIPE_SIZE // CHUNK):
                if not self.copy(pipe):
                    return

    def add(self, data: bytes) -> None:
        """Write what has room, so that a reader can follow; hold back the latest of the rest."""
        head = data[: self.room]
        self.file.write(head)
        self.file.flush()
        self.room -= len(head)
        self.end += data[len(head) :]
        if (surplus := len(self.end) - self.keep_end) > 0:
            del self.end[:surplus]
            self.dropped += surplus

    def close(self) -> None:
        """Add the end of the stream, and say what is missing before it."""
        if self.dropped:
            self.file.write(b"\n[... %d bytes left out ...]\n" % self.dropped)
        self.file.write(self.end)
