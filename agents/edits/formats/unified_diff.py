"""Unified diffs, as models write them: with prose around, in fences, badly counted."""

from __future__ import annotations

from agents.edits.changes import EditRefused, FileEdit, Hunk
from agents.edits.formats.diff_header import BINARY, Header, file_edit, is_pair, read_header
from agents.edits.formats.diff_hunk import read_hunk
from agents.edits.formats.diff_names import NOTHING
from agents.edits.formats.mixed import refuse_another
from agents.edits.lines import FENCE, lines_of

INSTRUCTIONS = """\
Answer with one unified diff in one ```diff fence, as `git diff` writes it:
- `--- a/PATH` and `+++ b/PATH` above each file's hunks, with paths from the root of the repository;
  `--- /dev/null` for a new file, `+++ /dev/null` for a deleted one.
- Each hunk starts with an @@ line and has three unchanged lines before and after the change, copied exactly,
  with their indentation. They decide where the change goes, so together they must be found only once in the file.
- Each line of a hunk starts with a blank (unchanged), - (removed) or + (added). Leave nothing out by "...".
"""


def parse(answer: str) -> list[FileEdit]:
    """The edits that an answer asks for, in its order."""
    reader = _Parser(lines_of(answer, is_mark))
    reader.run()
    if not reader.edits:
        raise EditRefused("the answer holds no unified diff", "see the format's instructions")
    return reader.edits


def is_mark(line: str) -> bool:
    return line.startswith(("@@", "+++ ", "diff --git "))


def first_mark(answer: str) -> int | None:
    lines = answer.split("\n")
    return next(
        (at for at, line in enumerate(lines) if line.startswith("diff --git ") or _starts(lines, at)), None
    )


def _starts(lines: list[str], at: int) -> bool:
    if not is_pair(lines, at):
        return False
    return (
        at + 2 >= len(lines)
        or lines[at + 2].startswith("@@")
        or NOTHING in (lines[at][4:13], lines[at + 1][4:13])
    )


class _Parser:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.edits: list[FileEdit] = []
        self.header: Header | None = None
        self.hunks: list[Hunk] = []

    def run(self) -> None:
        at, fence = 0, ""
        while at < len(self.lines):
            line = self.lines[at]
            if (mark := FENCE.match(line)) and (not fence or line.startswith(fence)):
                fence = "" if fence else mark[1]
                at += 1
            elif line.startswith("@@"):
                hunk, at = read_hunk(self.lines, at, bool(fence))
                self._add(hunk)
            elif BINARY.match(line):
                raise EditRefused(f"{self._name()}: binary patches can't be applied")
            elif found := self._header(at):
                self._close()
                self.header, at = found
            else:
                refuse_another(self.lines, at, "diff")
                at += 1
        self._close()

    def _header(self, at: int) -> tuple[Header, int] | None:
        line = self.lines[at]
        return (
            read_header(self.lines, at)
            if line.startswith(("diff --git ", "--- ", "new file mode "))
            else None
        )

    def _add(self, hunk: Hunk) -> None:
        if self.header is None:
            raise EditRefused("an @@ line without a file: write `--- a/PATH` and `+++ b/PATH` above it")
        if hunk.lines:
            self.hunks.append(hunk)

    def _name(self) -> str:
        return "the answer" if self.header is None else self.header.names()[-1]

    def _close(self) -> None:
        if self.header is not None:
            self.edits.append(file_edit(self.header, tuple(self.hunks)))
        self.header, self.hunks = None, []
