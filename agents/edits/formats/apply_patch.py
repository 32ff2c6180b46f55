"""OpenAI's `apply_patch`: `*** Begin Patch`, sections for files, hunks without line numbers."""

from __future__ import annotations

import re

from agents.edits.changes import EditRefused, FileEdit, Hunk
from agents.edits.formats.mixed import BEGIN, refuse_another
from agents.edits.lines import FENCE, lines_of

INSTRUCTIONS = """\
Answer with one patch between `*** Begin Patch` and `*** End Patch`, with one section for each file:
- `*** Add File: PATH`, then the whole new file, each line after a +.
- `*** Delete File: PATH`, and nothing more.
- `*** Update File: PATH`, then hunks; `*** Move to: NEW_PATH` may stand between, to rename the file.
- Each hunk starts with `@@`. Each of its lines starts with a blank (unchanged), - (removed) or + (added).
  Three unchanged lines above and below a change, copied exactly, decide where it goes. If they are found more
  than once, `@@ class or function line` names a line that stands above. Hunks come in the order of the file.
Paths are relative to the root of the repository. Leave nothing out by "...".
"""

END = "*** End Patch"
SECTION = re.compile(r"\*\*\* (Add|Delete|Update) File: (.+)")
MOVE = re.compile(r"\*\*\* Move to: (.+)")
END_OF_FILE = "*** End of File"
MOST_ANCHORS = 20
NUMBERS = re.compile(r"-\d+(,\d+)? \+\d+(,\d+)?( @@ ?)?")


def is_mark(line: str) -> bool:
    return line.strip() in (BEGIN, END) or SECTION.match(line.strip()) is not None


def first_mark(answer: str) -> int | None:
    lines = answer.split("\n")
    begins = [at for at, line in enumerate(lines) if line.strip() == BEGIN]
    if begins:
        return begins[0]
    return next((at for at, line in enumerate(lines) if SECTION.match(line.strip())), None)


def parse(answer: str) -> list[FileEdit]:
    """The edits of a patch; several patches in one answer are read as one."""
    reader = _Reader(_plain_ends(lines_of(answer, is_mark)))
    reader.run()
    if not reader.edits:
        raise EditRefused("the patch has no sections", "write `*** Update File: PATH` and hunks below it")
    return reader.edits


def _plain_ends(lines: list[str]) -> list[str]:
    """The last line may be an indented `*** End Patch`; anywhere else that would be a hunk's line."""
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and lines[-1].strip() == END:
        lines[-1] = END
    begins = sum(line.strip() == BEGIN for line in lines)
    if begins and END not in map(str.rstrip, lines):
        raise EditRefused(f"the patch has no `{END}`: the answer may have been cut off")
    return lines


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0
        self.edits: list[FileEdit] = []

    def run(self) -> None:
        begins = any(line.strip() == BEGIN for line in self.lines)
        inside = not begins
        while self.at < len(self.lines):
            line = self.lines[self.at].strip()
            self.at += 1
            if line == BEGIN:
                inside = True
            elif line == END:
                inside = not begins
            elif inside and (found := SECTION.match(line)):
                self.edits.append(self._section(found[1], found[2].strip()))
            elif inside and line.startswith("***"):
                raise EditRefused(f"{line!r} is no section: write Add, Delete or Update File")
            elif inside and begins and line and not FENCE.match(line):
                raise EditRefused(f"{line!r} stands outside of a section of the patch")
            else:
                refuse_another(self.lines, self.at - 1, "apply_patch")

    def _section(self, kind: str, path: str) -> FileEdit:
        if kind == "Delete":
            return FileEdit(path, "delete")
        if kind == "Add":
            return FileEdit(path, "write", content=self._added(path))
        moved = MOVE.match(self._peek().strip())
        self.at += moved is not None
        hunks = self._hunks(path)
        if moved:
            return FileEdit(path, "rename", moved[1].strip(), hunks=hunks, over=True, ordered=True)
        if not hunks:
            raise EditRefused(f"{path}: the section has no hunks")
        return FileEdit(path, hunks=hunks, ordered=True)

    def _peek(self) -> str:
        return self.lines[self.at] if self.at < len(self.lines) else ""

    def _ends(self) -> bool:
        line = self._peek()
        return self.at >= len(self.lines) or (line.startswith("***") and line.rstrip() != END_OF_FILE)

    def _added(self, path: str) -> str:
        found: list[str] = []
        while not (self._ends() or is_mark(self._peek())):
            line = self._peek()
            if FENCE.match(line):
                break
            if not line.startswith("+"):
                if line.strip():
                    raise EditRefused(f"{path}: each line of a new file starts with +, not {line!r}")
                line = "+"  # models forget it on empty lines
            found.append(line[1:] + "\n")
            self.at += 1
        while found and found[-1] == "\n" and not self.lines[self.at - 1].startswith("+"):
            found.pop()
            self.at -= 1
        return "".join(found)

    def _hunks(self, path: str) -> tuple[Hunk, ...]:
        found: list[Hunk] = []
        while not self._ends() and not FENCE.match(self._peek()):
            if not self._peek().strip() and not found:
                self.at += 1
                continue
            hunk = self._hunk(path)
            if hunk.lines:
                found.append(hunk)
            elif hunk.anchors:
                raise EditRefused(f"{path}: nothing follows `@@ {hunk.anchors[-1]}`")
        return tuple(found)

    def _hunk(self, path: str) -> Hunk:
        anchors: list[str] = []
        while self._peek().startswith("@@"):
            text = NUMBERS.sub("", self._peek()[2:].removeprefix(" ")).removesuffix("@@").rstrip()
            anchors += [text] if text.strip() else []
            self.at += 1
        if len(anchors) > MOST_ANCHORS:
            raise EditRefused(f"{path}: {len(anchors)} lines with @@ above one hunk")
        lines: list[str] = []
        while not self._ends() and not self._peek().startswith("@@") and not FENCE.match(self._peek()):
            line = self._peek()
            if line.rstrip() == END_OF_FILE:
                self.at += 1
                return Hunk(
                    tuple(line or " " for line in lines), anchors=tuple(anchors), at_end=True, open=True
                )
            if line[:1] not in ("", " ", "-", "+"):
                raise EditRefused(f"{path}: each line of a hunk starts with a blank, - or +, not {line!r}")
            lines.append(line)
            self.at += 1
        while lines and not lines[-1]:
            lines.pop()  # blank lines above the next section or the fence are the answer's, not the file's
        return Hunk(tuple(line or " " for line in lines), anchors=tuple(anchors), open=True)
