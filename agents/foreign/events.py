"""What an agent tells as it works: usage, its last message, and errors; where to look, its preset says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agents.foreign.patterns import Patterns
from state.files import read_regular
from state.preset import Pick, Preset
from state.records import Usage

_LONGEST = 4000  # characters of a message that are kept
# In what an agent calls an error, not in what it says or shows: a task may be about these.
_NOT_LET_IN = re.compile(
    r"\b40[13]\b|unauthori[sz]ed|authenticat|(invalid|incorrect|missing|no) .{0,12}api.?key|not logged in",
    re.IGNORECASE,
)
_NOT_PAID = re.compile(r"insufficient_quota|credit balance|usage limit|billing", re.IGNORECASE)


@dataclass
class Told:
    """`errors` are in order; the same one again and again is how agents wait for better times."""

    message: str = ""
    errors: list[str] = field(default_factory=list)
    usage: Usage | None = None

    @property
    def not_let_in(self) -> list[str]:
        return [error for error in self.errors if _NOT_LET_IN.search(error)]

    @property
    def not_paid(self) -> list[str]:
        return [error for error in self.errors if _NOT_PAID.search(error)]


class Listener:
    """Reads the file that an agent's output goes to, as it grows."""

    def __init__(self, preset: Preset, path: Path) -> None:
        self.told = Told()
        self._events = preset.events
        self._patterns = Patterns(preset.errors)
        self._path = path
        self._offset = 0
        # The pieces of a line that has not ended: joined once, as it may be long.
        self._begun: list[bytes] = []

    def look(self) -> None:
        """Take in the lines that have come since."""
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
            self._offset += len(data)
            *lines, rest = data.split(b"\n")
            if lines:
                lines[0] = self._ended(lines[0])
            self._begun.append(rest)
            for line in lines:
                self._line(line)

    def finish(self, other: Path | None = None) -> Told:
        """Also the last line, and the file where an agent that writes its events elsewhere has put them."""
        self.look()
        self._line(self._ended(b""))
        if other and other.is_file() and not other.is_symlink():
            data = read_regular(other)  # of more than that the rest is not looked at
            whole = _event(data)
            for event in [whole] if whole else map(_event, data.splitlines()):
                self._take(event)
        return self.told

    def _ended(self, end: bytes) -> bytes:
        """The whole line whose end this is."""
        line = b"".join([*self._begun, end])
        self._begun = []
        return line

    def _line(self, line: bytes) -> None:
        event = _event(line)
        if event:
            self._take(event)
        else:
            self._errors_in(self._patterns.found(line.decode("utf-8", "replace")))

    def _take(self, event: dict[str, Any] | None) -> None:
        if event is None:
            return
        picked = self._events
        if said := _text(event, picked.message):
            self.told.message = said
        self._errors_in(filter(None, [_text(event, picked.error)]))
        more = Usage(
            model=_text(event, picked.model),
            requests=_number(event, picked.requests),
            input_tokens=_number(event, picked.input_tokens),
            output_tokens=_number(event, picked.output_tokens),
        )
        if more != Usage():
            self._pay(more, counted=bool(picked.requests))

    def _pay(self, more: Usage, counted: bool) -> None:
        """An agent that does not count its requests has made at least one for each event with tokens."""
        one = Usage(requests=int(more.tokens > 0 and not counted))
        self.told.usage = (self.told.usage or Usage()) + more + one

    def _errors_in(self, texts: Iterable[str]) -> None:
        self.told.errors += (text[-_LONGEST:] for text in texts)


def _event(line: bytes) -> dict[str, Any] | None:
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        found = msgspec.json.decode(line)
        return found if isinstance(found, dict) else None
    return None


def _picked(event: dict[str, Any], picks: Iterable[Pick]) -> Iterator[Any]:
    for pick in picks:
        if all(value in _at(event, path) for path, value in pick.where.items()):
            for path in pick.take:
                yield from _at(event, path)


def _at(value: Any, path: str) -> list[Any]:
    """All that is at a path: keys with dots between them; `*` is every item of a list or mapping."""
    key, _, rest = path.partition(".")
    if key == "*":
        items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        return [found for item in items for found in (_at(item, rest) if rest else [item])]
    if not isinstance(value, dict) or key not in value:
        return []
    return _at(value[key], rest) if rest else [value[key]]


def _text(event: dict[str, Any], picks: Iterable[Pick]) -> str:
    found = (str(value).strip() for value in _picked(event, picks) if value is not None)
    return " ".join(filter(None, found))[-_LONGEST:]


def _number(event: dict[str, Any], picks: Iterable[Pick]) -> int:
    """Untrusted: what is no plausible number counts as nothing."""
    found = (
        value for value in _picked(event, picks) if isinstance(value, int) and not isinstance(value, bool)
    )
    return sum(value for value in found if 0 <= value <= 10**12)
