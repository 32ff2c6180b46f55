"""Who changed what: lines chained by hash, one file per writer and month so that two branches never conflict."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec

from state.clock import now
from state.journal import Append

_TAIL = 64 * 1024  # the last line always fits


class Line(msgspec.Struct, frozen=True, rename={"frm": "from"}):
    at: str
    actor: str
    host: str
    pid: int
    command: str
    record: str
    frm: str | None
    to: str | None
    note: str
    previous: str
    hash: str = ""


class Change(msgspec.Struct, frozen=True):
    """One record's step, `tasks/3-k3f9q2mx` from one state to another (None: there was none)."""

    record: str
    frm: str | None
    to: str | None
    note: str = ""


def actor() -> str:
    return os.environ.get("REFACTORY_ACTOR") or getpass.getuser()


def lines(folder: Path, writer: str, command: str, changes: Sequence[Change]) -> tuple[str, Append]:
    """The file name and what to append to it for these changes. Call under the lock."""
    at = now()
    name = f"{writer}-{at[:7]}.jsonl"
    offset, previous = _head(folder / name)
    text = b""
    for change in changes:
        line = Line(
            at, actor(), socket.gethostname(), os.getpid(), command, change.record, change.frm, change.to,
            change.note, previous,
        )  # fmt: skip
        previous = digest(line)
        text += msgspec.json.encode(msgspec.structs.replace(line, hash=previous)) + b"\n"
    return name, Append(offset, text.decode())


def digest(line: Line) -> str:
    """SHA-256 of the line without its own hash; `previous` in it makes the chain."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(line, hash=""))).hexdigest()


def _head(path: Path) -> tuple[int, str]:
    """The file's length and its last line's hash."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0, ""
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    try:
        return size, msgspec.json.decode(last, type=Line).hash
    except msgspec.MsgspecError:
        # A damaged log must not stop the work; the broken chain is what `audit:verify` reports.
        return size, ""
