"""What the audit logs prove by themselves: each line follows the one before it, each file its writer's last one.

That a chain was cut at its end, or made anew as a whole, only shows by a head that was noted elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby, pairwise
from pathlib import Path

import msgspec

from state.audit import Line
from state.audit_memory import Head

_NAME = re.compile(r"[0-9a-f]{8}-[0-9]{4}-[0-9]{2}\.jsonl")
_HASH = -66  # from here on a line holds its hash, the quote and the brace
_DECODER = msgspec.json.Decoder(Line)
_LOGS = "audit/"
_ACCEPTED = re.compile(r"accepted ([0-9a-f]{64}): (.*)", re.DOTALL)


@dataclass
class Log:
    """One file. `hashes`: those of its lines, each with its number; `previous`: what the first line follows;
    `accepted`: heads whose loss somebody accepts in it, and what was said of it.
    """

    name: str
    data: bytes = field(repr=False)
    previous: str = ""
    hashes: dict[str, int] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> Head:
        return Head(len(self.hashes), next(reversed(self.hashes), ""))

    def has(self, head: Head) -> bool:
        return self.hashes.get(head.hash) == head.count


def log_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if _NAME.fullmatch(path.name) and path.is_file())


def read_files(folder: Path) -> dict[str, bytes]:
    """The logs in a folder as they are, by name."""
    return {path.name: path.read_bytes() for path in log_files(folder)}


def strangers(folder: Path) -> list[str]:
    """What lies among the logs and is none."""
    logs = log_files(folder)
    return sorted(path.name for path in folder.glob("*") if path not in logs)


def checked(name: str, data: bytes) -> Log:
    log, previous = Log(name, data), None
    for number, text in enumerate(split(data), 1):
        line, fault = read_line(text)
        if line is None:
            log.faults.append((number, fault))
            previous = None
            continue
        if number == 1:
            log.previous = line.previous
        fault = fault or _misplaced(log, line, number, previous)
        if fault:
            log.faults.append((number, fault))
        elif line.record.startswith(_LOGS) and (found := _ACCEPTED.fullmatch(line.note)):
            log.accepted[found[1]] = f"accepted by {line.actor}, {line.at}: {found[2]}"
        log.hashes[line.hash] = number
        previous = line.hash
    return log


def split(data: bytes) -> list[bytes]:
    """Lines with their ends; the last one may have none. Empty ones at the end are room for more."""
    text = data.rstrip(b"\n")
    parts = data[: len(text) + 1].split(b"\n") if text else [b""]
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def read_line(text: bytes) -> tuple[Line | None, str]:
    """A line, and what is wrong with it."""
    try:
        line = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None, "is no line of an audit log"
    if not text.endswith(b"\n"):
        return line, "is cut off"
    text = text[:-1]
    if text[_HASH:] != sha256(text[:_HASH] + b'"}').hexdigest().encode() + b'"}':
        return line, "was changed: its hash is that of another text"
    return line, ""


def acceptance(name: str, lost: str, reason: str) -> tuple[str, str]:
    """Subject and text of the line which says that a log's lines up to the hash `lost` are not missed."""
    return f"{_LOGS}{name}", f"accepted {lost}: {reason}"


def _misplaced(log: Log, line: Line, number: int, previous: str | None) -> str:
    if number > 1 and previous is not None and line.previous != previous:
        fork = log.hashes.get(line.previous)
        if fork:
            return f"goes on from line {fork}: a fork, or lines were added in between or moved"
        return "does not follow the line before it: lines were removed or moved here"
    if line.at[:7] != log.name[9:16]:
        return "is of another month than its file"
    return ""


def breaks(logs: Mapping[str, Log]) -> Iterator[tuple[str, int, str]]:
    """File, line and what is wrong: in the files, and from one of a writer's files to the next."""
    owners: dict[str, str] = {}
    for log in logs.values():
        yield from ((log.name, number, fault) for number, fault in log.faults)
        if not log.data:
            yield log.name, 1, "is missing: the file is empty"
        for found, number in log.hashes.items():
            if owners.setdefault(found, log.name) != log.name:
                yield log.name, number, f"is a copy of a line of {owners[found]}"
                break
    for _, names in groupby(sorted(logs), key=lambda name: name[:8]):
        files = [logs[name] for name in names]
        if files[0].previous:
            yield files[0].name, 1, "goes on from a line that is gone: the writer's file before it is missing"
        for before, after in pairwise(files):
            if after.previous != before.head.hash:
                what = (
                    "lines were added at the end of"
                    if after.previous in before.hashes
                    else "the end was cut off"
                )
                yield after.name, 1, f"does not follow {before.name}: {what}"


@dataclass(frozen=True)
class Anchor:
    """A log's head as it was noted somewhere else. `own`: by this clone, so it must be found."""

    name: str
    head: Head
    source: str
    own: bool = True


def missing(logs: Mapping[str, Log], anchors: Iterable[Anchor]) -> list[Anchor]:
    """Of each file the longest head that it does not have, own ones first."""
    found: dict[tuple[str, bool], Anchor] = {}
    for anchor in anchors:
        log, key = logs.get(anchor.name), (anchor.name, anchor.own)
        if log and log.has(anchor.head):
            continue
        if key not in found or found[key].head.count < anchor.head.count:
            found[key] = anchor
    return [each for each in found.values() if each.own or (each.name, True) not in found]
