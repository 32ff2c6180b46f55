"""Turns edits into new file contents: in memory, all or nothing, whatever format they came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from agents.edits.assembly import assemble, clashes
from agents.edits.changes import Applied, Change, EditRefused, FileEdit, Reader
from agents.edits.patching import Patching, place_all
from agents.edits.paths import refuse_reason
from agents.edits.placing import without_blanks
from agents.edits.refusal import explain
from agents.edits.textfile import TextFile

MOST_SHOWN = 20  # failures that are told with the lines of the file; the rest without


def apply(edits: Iterable[FileEdit], read: Reader, scope: Sequence[str] = ()) -> Applied:
    """The files as the edits leave them; raises EditRefused, with every reason, if one of them can't be applied."""
    work = _Work(read, scope)
    for edit in _merged(edits):
        work.take(edit)
    work.patch()
    if work.problems:
        raise EditRefused("\n\n".join(work.problems), "nothing was changed; send the whole answer again")
    return Applied(work.files, tuple(work.steps))


def _merged(edits: Iterable[FileEdit]) -> list[FileEdit]:
    """Hunks for one file may come in several parts, and the same part twice."""
    found: list[FileEdit] = []
    places: dict[str, int] = {}
    for edit in edits:
        first = places.setdefault(edit.path, len(found))
        if first == len(found) or {edit.kind, found[first].kind} != {"modify"} or edit.content is not None:
            found.append(edit)
        else:
            hunks = tuple(dict.fromkeys(found[first].hunks + edit.hunks))
            mode = found[first].mode if edit.mode is None else edit.mode
            found[first] = msgspec.structs.replace(found[first], hunks=hunks, mode=mode)
    return list(dict.fromkeys(found))


class _Work:
    def __init__(self, read: Reader, scope: Sequence[str]) -> None:
        self.read = read
        self.scope = scope
        self.files: dict[str, Change] = {}
        self.steps: list[tuple[str, int, str]] = []
        self.problems: list[str] = []
        self.waiting: list[Patching] = []
        self.claimed: set[str] = set()

    def take(self, edit: FileEdit) -> None:
        try:
            self._claim(edit.path)
            if edit.new_path is not None:
                self._claim(edit.new_path)
            self._take(edit, self.read(edit.path))
        except EditRefused as problem:
            self.problems.append(problem.message)

    def _claim(self, path: str) -> None:
        if reason := refuse_reason(path, self.scope):
            raise EditRefused(f"{path!r}: {reason}")
        if path in self.claimed:
            raise EditRefused(f"{path}: changed twice; write all changes of a file in one place")
        self.claimed.add(path)

    def _take(self, edit: FileEdit, data: bytes | None) -> None:
        if data is None and edit.kind == "modify" and edit.content is None and edit.hunks:
            edit = _as_new_file(edit)
        if edit.kind == "create":
            if data is not None:
                raise EditRefused(f"{edit.path}: exists already; change it instead of creating it")
        elif data is None:
            raise EditRefused(f"{edit.path}: no such file")
        if edit.content is not None:
            self.files[edit.path] = Change(edit.content.encode(errors="surrogateescape"), edit.mode)
        elif edit.kind == "delete":
            self._delete(edit, data or b"")
        else:
            self._wait(edit, data or b"")

    def _delete(self, edit: FileEdit, data: bytes) -> None:
        said = [without_blanks(line) for hunk in edit.hunks for line in hunk.old]
        if edit.hunks and said != TextFile(data).view(without_blanks).lines:
            raise EditRefused(f"{edit.path}: the removed lines are not what the file holds")
        self.files[edit.path] = Change(None)

    def _wait(self, edit: FileEdit, data: bytes) -> None:
        if edit.hunks and b"\0" in data:
            raise EditRefused(f"{edit.path}: is a binary file")
        if edit.new_path is not None and self.read(edit.new_path) is not None:
            raise EditRefused(f"{edit.new_path}: exists already")
        self.waiting.append(Patching(edit, TextFile(data), data))

    def patch(self) -> None:
        """Finds the place of every hunk, then builds the files."""
        place_all(self.waiting)
        for job in self.waiting:
            for n, problem in job.failed():
                text = explain(job.edit.path, n, job.edit.hunks[n - 1], job.file, problem)
                self.problems.append(text if len(self.problems) < MOST_SHOWN else text.split("\n")[0])
            if not job.failed():
                self._finish(job)

    def _finish(self, job: Patching) -> None:
        path, placed = job.edit.path, job.placed()
        for one, two in clashes(placed):
            self.problems.append(f"{path}, hunks {one + 1} and {two + 1}: they change the same lines")
        content = assemble(job.file, placed) if placed else job.data
        if job.edit.new_path is not None:
            self.files[path] = Change(None)
            self.files[job.edit.new_path] = Change(content, job.edit.mode, source=path)
        elif content != job.data or job.edit.mode is not None:
            self.files[path] = Change(content, job.edit.mode)
        self.steps += [(path, number, place.step) for number, (_, place) in enumerate(placed, 1)]


def _as_new_file(edit: FileEdit) -> FileEdit:
    """Only added lines for a file that isn't there: meant as a new one."""
    if len(edit.hunks) != 1 or edit.hunks[0].old:
        raise EditRefused(f"{edit.path}: no such file")
    ending = "" if edit.hunks[0].final_newline is False else "\n"
    return FileEdit(edit.path, "create", mode=edit.mode, content="\n".join(edit.hunks[0].new) + ending)
