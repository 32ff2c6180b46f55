"""Standard streams that are closed, full or read by nobody: the work is done all the same."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from state.errors import RefactoryError


class Unsaid(RefactoryError):
    """Standard output can't be written: its disk is full, say. That a pipe is closed is no error."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"standard output: {error.strerror}",
            "what the command does is done, but not all that it says is written",
        )


class Output(io.TextIOWrapper):
    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Unsaid(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Unsaid(error) from None


class Notes(io.TextIOWrapper):
    """Standard error: a note that nobody can read is no reason to stop the work that it is about."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def prepare() -> None:
    """Open what is closed, as git does: else the next file that is opened gets its number, and our output."""
    for descriptor, mode in enumerate("rww"):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(
                os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY
            )  # the lowest free number: this one
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    out, err = sys.stdout, sys.stderr
    if out is sys.__stdout__ and isinstance(out, io.TextIOWrapper):
        # What is no text, such as a byte of a file's name, is escaped: in JSON, too, it means the same then.
        sys.stdout = Output(out.buffer, out.encoding, "backslashreplace", line_buffering=out.line_buffering)
    if err is sys.__stderr__ and isinstance(err, io.TextIOWrapper):
        sys.stderr = Notes(err.buffer, err.encoding, err.errors, line_buffering=True)


def say(text: str, stream: TextIO, end: str = "\n") -> None:
    """Say it now, or never if nobody reads on."""
    try:
        print(text, file=stream, end=end, flush=True)
    except (OSError, Unsaid):
        hush(stream)


def hush(stream: TextIO) -> None:
    """Nothing may be flushed at exit to what is closed or full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
