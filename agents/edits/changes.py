"""What an answer asks for, whatever format it came in, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from state.errors import Conflict

MAX_ANSWER = 4 * 1024 * 1024
MAX_LINES = 100_000
MAX_FILES = 2000

REGULAR = 0o100644
EXECUTABLE = 0o100755

Kind = Literal["modify", "create", "delete", "rename", "copy", "write"]
Reader = Callable[[str], bytes | None]


class EditRefused(Conflict):
    """An answer that can't be applied without guessing; the message is fit to be sent back to its author."""

    code = "edit_refused"


class Hunk(Struct, frozen=True):
    """One change: each line starts with " " (context), "-" (removed) or "+" (added), and has no line end.

    `line` is where the first old line is said to be, counted from 1, `new_line` where it is said to be afterwards.
    `section` is a line said to stand above.
    `final_newline` says that the change adds (True) or takes away (False) the newline at the end of the file.
    `anchors` are lines that stand above, in this order; `at_end` hunks are about the last lines of the file.
    `counted` says that the numbers in its @@ line are those of its lines: none is missing.
    `empty_below`: empty lines follow in the answer.
    An `open` hunk's added lines may stand at its edge: its format has no unchanged lines that could be missing.
    """

    lines: tuple[str, ...]
    line: int | None = None
    section: str = ""
    final_newline: bool | None = None
    anchors: tuple[str, ...] = ()
    at_end: bool = False
    counted: bool = True
    empty_below: bool = False
    open: bool = False
    new_line: int | None = None

    @property
    def old(self) -> tuple[str, ...]:
        return tuple(line[1:] for line in self.lines if line[0] != "+")

    @property
    def added(self) -> tuple[str, ...]:
        return tuple(line[1:] for line in self.lines if line[0] == "+")

    @property
    def new(self) -> tuple[str, ...]:
        return tuple(line[1:] for line in self.lines if line[0] != "-")


class FileEdit(Struct, frozen=True):
    """What happens to one file: hunks, or the whole new `content` (`write` takes it for an old file as for a new one).

    `over` lets a renamed file take another one's place. The hunks of an `ordered` edit come in the order of the file.
    `crlf` says that the marks of the answer had CRLF line ends, as a careless transport adds them.
    An edit `in_turn` is about the file as the edits before it left it. `readings` are what it may mean; one must fit.
    """

    path: str
    kind: Kind = "modify"
    new_path: str | None = None
    mode: int | None = None
    hunks: tuple[Hunk, ...] = ()
    content: str | None = None
    over: bool = False
    ordered: bool = False
    in_turn: bool = False
    crlf: bool = False
    readings: tuple[FileEdit, ...] = ()


class Change(Struct, frozen=True):
    """A file's new content, None if it is gone. Without a mode it keeps that of `source` (or its own)."""

    content: bytes | None
    mode: int | None = None
    source: str | None = None


Step = tuple[str, int, str]


class Applied(Struct, frozen=True):
    """The changed files, and how tolerant each hunk had to be read: (path, number of the hunk, step).

    `before` is what was read of the files; if one of them is something else by now, nothing is written.
    """

    files: dict[str, Change]
    steps: tuple[Step, ...] = ()
    before: dict[str, bytes | None] = {}
