"""Who changed what: lines chained by hash, in files that two branches never both go on with.

A file is named after its writer and month. A writer is one unbroken line of work in one worktree of one clone:
where its log does not end as it was left (another branch, an older state, a copy of the clone), a new writer begins.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from state.audit_memory import Head, Memory, clone_id, memory_name, read_memory
from state.clock import now
from state.journal import Append
from state.location import Location
from state.origin import actor, request_id

_FULL = 256 * 1024  # who reads a log reads all of it, and some transactions write it anew
_ROOM = 64 * 1024  # bytes: more than a killed transaction leaves reserved


class Line(msgspec.Struct, frozen=True, kw_only=True, rename={"frm": "from"}):
    """`previous` is the hash of the line before it, also across the writer's months; `hash` is its own."""

    at: str
    actor: str
    host: str
    pid: int
    command: str
    request: str = ""
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


class Addition(msgspec.Struct, frozen=True):
    """What a transaction writes: to `log` in the folder of logs, and to `memory` in the private folder."""

    log: str
    append: Append
    memory: str
    remembered: str


def lines(location: Location, command: str, changes: Sequence[Change]) -> Addition:
    """The lines for these changes, and what to remember. Call under the lock, before they are written."""
    at, clone, memory_file = now(), clone_id(location.private), memory_name(location)
    memory = read_memory(location.private / memory_file)
    name, offset, last = _place(location.records / "audit", memory, clone, at[:7])
    count, text = last.count if offset else 0, []
    for change in changes:
        line, found = sealed(_line(at, command, change, last.hash))
        text.append(line)
        last = Head(count + len(text), found)
    heads = {**(memory.heads if memory else {}), name: last}
    remembered = msgspec.json.encode(Memory(clone, name, heads)).decode()
    return Addition(name, Append(offset, b"".join(text).decode()), memory_file, remembered)


def _line(at: str, command: str, change: Change, previous: str) -> Line:
    return Line(
        at=at, actor=actor(), host=os.uname().nodename, pid=os.getpid(), command=command, request=request_id(),
        record=change.record, frm=change.frm, to=change.to, note=change.note, previous=previous,
    )  # fmt: skip


def sealed(line: Line) -> tuple[bytes, str]:
    """The line as it is written, with its hash, and the hash: SHA-256 of its bytes with an empty one."""
    body = msgspec.json.encode(msgspec.structs.replace(line, hash=""))
    found = hashlib.sha256(body).hexdigest()
    return body[:-2] + ending(found), found


def digest(line: Line) -> str:
    return sealed(line)[1]


def ending(found: str) -> bytes:
    """How a line with this hash ends, after the opening quote of the hash."""
    return f'{found}"}}\n'.encode()


def _place(folder: Path, memory: Memory | None, clone: str, month: str) -> tuple[str, int, Head]:
    """The file to append to, its length, and its writer's last line; time that goes back begins a new writer."""
    new = f"{os.urandom(4).hex()}-{month}.jsonl", 0, Head(0, "")
    if memory is None or memory.clone != clone:
        return new
    writer, _, before = memory.log.removesuffix(".jsonl").partition("-")
    last = memory.heads[memory.log]
    size = _size_if_ends(folder / memory.log, last.hash)
    if size is None or size > _FULL or before > month:
        return new
    if before == month:
        return memory.log, size, last
    name = f"{writer}-{month}.jsonl"
    return new if (folder / name).exists() else (name, 0, last)


def _size_if_ends(path: Path, found: str) -> int | None:
    """The length of the file's lines, if the last is that of this hash. Newlines behind it are room for the next."""
    expected = ending(found)
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - _ROOM)
            file.seek(start)
            lines = file.read().rstrip(b"\n") + b"\n"
            return start + len(lines) if lines.endswith(expected) else None
    except FileNotFoundError:
        return None
