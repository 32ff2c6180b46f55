"""Who changed what: lines chained by hash, in files that two branches never both go on with.

A file is named after its writer and month. A writer is one unbroken line of work in one clone: where the log does
not end as this clone left it (another branch, an older state), a new writer begins.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec

from state.clock import now
from state.journal import Append
from state.private_files import write_private

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


def lines(folder: Path, memory: Path, command: str, changes: Sequence[Change]) -> tuple[str, Append]:
    """The file name and what to append to it for these changes. Call under the lock, before they are written.

    `memory` is this clone's file with its writer and last hash. It is changed before the log is, never after: a
    crash between the two only begins a new writer, where the other order could go on with a line of another branch.
    """
    at = now()
    writer, offset, previous = _continued(folder, memory, at[:7]) or (secrets.token_hex(4), 0, "")
    text = b""
    for change in changes:
        line = Line(
            at, actor(), socket.gethostname(), os.getpid(), command, change.record, change.frm, change.to,
            change.note, previous,
        )  # fmt: skip
        previous = digest(line)
        text += msgspec.json.encode(msgspec.structs.replace(line, hash=previous)) + b"\n"
    write_private(memory, f"{writer} {previous}\n")
    return _name(writer, at[:7]), Append(offset, text.decode())


def digest(line: Line) -> str:
    """SHA-256 of the line without its own hash; `previous` in it makes the chain."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(line, hash=""))).hexdigest()


def _name(writer: str, month: str) -> str:
    return f"{writer}-{month}.jsonl"


def _continued(folder: Path, memory: Path, month: str) -> tuple[str, int, str] | None:
    """Writer, length and last hash of the file that this clone wrote last, if it still ends so."""
    if not memory.exists():
        return None
    writer, _, last = memory.read_text(encoding="utf-8").strip().partition(" ")
    offset, previous = _head(folder / _name(writer, month))
    return (writer, offset, previous) if previous and previous == last else None


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
        # A damaged log must not stop the work: it is left as it is, and another one begun.
        return size, ""
