"""The audit logs' lines for readers: all files as one, by time, and what is added while one looks."""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from state.audit_chain import log_files, read_line, split
from state.errors import UsageError

_RELATIVE = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_ABSOLUTE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?)?")


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename={"frm": "from"}):
    """A line of `file`. `damaged`: what is wrong with it; nothing that it says is sure then."""

    at: str = ""
    actor: str = ""
    host: str = ""
    pid: int = 0
    command: str = ""
    request: str = ""
    record: str = ""
    frm: str | None = None
    to: str | None = None
    note: str = ""
    file: str
    line: int
    damaged: str = ""


class Tail:
    """Reads on where it stopped. A log that got shorter (another branch) is read on from its new end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[int, int]] = {}  # bytes and lines

    def new(self) -> list[Entry]:
        """What was added since the last call, the newest last."""
        streams = [self._of(path) for path in log_files(self._folder)]
        return [entry for _, entry in heapq.merge(*streams, key=lambda pair: pair[0])]

    def _of(self, path: Path) -> list[tuple[str, Entry]]:
        size, count = self._read.get(path.name, (0, 0))
        if path.stat().st_size == size:
            return []
        with path.open("rb") as file:
            if path.stat().st_size < size:
                data = file.read()
                self._read[path.name] = (len(data), data.count(b"\n"))
                return []
            file.seek(size)
            data = file.read()
        lines = data.rstrip(b"\n")  # what follows is room for the next ones
        data = data[: len(lines) + 1] if lines else b""
        if size:  # a line that is being written is taken when it is whole
            data = data[: data.rfind(b"\n") + 1]
        self._read[path.name] = (size + len(data), count + data.count(b"\n"))
        return _timed(path.name, count, data)


def _timed(name: str, count: int, data: bytes) -> list[tuple[str, Entry]]:
    """Each with the time that it is sorted by: lines keep their order, whatever a clock did."""
    latest, found = "", []
    for number, text in enumerate(split(data), count + 1):
        entry = _entry(name, number, text)
        latest = max(latest, entry.at)
        found.append((latest, entry))
    return found


def _entry(name: str, number: int, text: bytes) -> Entry:
    line, fault = read_line(text)
    if line is None:
        return Entry(file=name, line=number, damaged=fault)
    return Entry(
        at=line.at, actor=line.actor, host=line.host, pid=line.pid, command=line.command, request=line.request,
        record=line.record, frm=line.frm, to=line.to, note=line.note, file=name, line=number, damaged=fault,
    )  # fmt: skip


def about(record: str) -> Callable[[Entry], bool]:
    """By number, key, or either with its folder: `3`, `3-k3f9q2mx`, `tasks/3`."""
    folder, _, name = record.rpartition("/")

    def matches(entry: Entry) -> bool:
        kind, _, key = entry.record.partition("/")
        return (not folder or kind == folder) and name in (key, key.partition("-")[0])

    return matches


def moment(text: str) -> str:
    """`2026-11`, `2026-11-22T10:30` or `90m` ago, as the beginning of a line's time."""
    relative = _RELATIVE.fullmatch(text)
    if relative:
        seconds = int(relative[1]) * _SECONDS[relative[2]]
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(max(0.0, time.time() - seconds)))
    if not _is_time(text.removesuffix("Z")):
        raise UsageError(
            f"{text!r} is no time", "give 2026-11-22, 2026-11-22T10:30 (UTC), or 90m, 2h, 7d ago"
        )
    return text.removesuffix("Z")


def _is_time(text: str) -> bool:
    """Whether the calendar and the clock have it; what it leaves out is made the first."""
    from datetime import datetime

    try:
        datetime.fromisoformat(text + "2000-01-01T00:00:00"[len(text) :])
    except ValueError:
        return False
    return bool(_ABSOLUTE.fullmatch(text))


def chosen(entries: Iterable[Entry], tests: Iterable[Callable[[Entry], bool]]) -> list[Entry]:
    """Damaged lines are kept whatever is asked for: they may be what was looked for."""
    wanted = list(tests)
    return [entry for entry in entries if entry.damaged or all(test(entry) for test in wanted)]
