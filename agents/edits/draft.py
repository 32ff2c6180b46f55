"""The tree as the edits so far leave it, in memory. Nothing of it counts if there is one problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from agents.edits.changes import Applied, Change, EditRefused, FileEdit, Hunk, Reader, Step
from agents.edits.placing.assembly import assemble, clashes
from agents.edits.placing.edges import has_open_end
from agents.edits.placing.indentation import Evidence, doubt_of_new
from agents.edits.placing.patching import Patching, place_all
from agents.edits.placing.place import Place, is_lossy
from agents.edits.placing.refusal import explain
from agents.edits.placing.sameness import without_blanks
from agents.edits.textfile import TextFile
from agents.edits.tree.paths import refuse_reason
from agents.edits.work import TooMuchWork, Work

MOST_SHOWN = 20  # failures that are told with the lines of the file; the rest without

Role = Literal["change", "leave", "arrive"]


class Draft:
    """`leaving`: paths that edits delete or rename, so that others may take them."""

    def __init__(self, read: Reader, scope: Sequence[str], leaving: set[str], work: Work) -> None:
        self.scope = scope
        self.problems: list[str] = []
        self._read = read
        self._work = work
        self._leaving = leaving
        self._before: dict[str, bytes | None] = {}
        self._files: dict[str, Change] = {}
        self._steps: list[Step] = []
        self._roles: dict[str, set[Role]] = {}
        self._hunks = Counter[str]()
        self._new: list[FileEdit] = []
        self._waiting: list[Patching] = []
        self._evidence = Evidence()
        self._open_ends: list[str] = []
        self._lost_lines = False

    def check(self) -> None:
        """An answer that lost unchanged lines in one hunk may have lost those beside another's added ones."""
        if self._lost_lines:
            self.problems += self._open_ends

    def applied(self) -> Applied:
        return Applied(self._files, tuple(self._steps), self._before)

    def take(self, edit: FileEdit) -> None:
        """Whole files take effect at once, hunks wait for `patch`."""
        try:
            self._claim_all(edit)
            self._take(edit)
        except TooMuchWork:
            raise
        except EditRefused as problem:
            self.problems.append(problem.message)

    def _claim_all(self, edit: FileEdit) -> None:
        roles: dict[str, Role] = {"create": "arrive", "delete": "leave", "rename": "leave"}
        if edit.kind != "copy":
            self._claim(edit.path, roles.get(edit.kind, "change"), edit.in_turn)
        elif reason := refuse_reason(edit.path, ()):
            raise EditRefused(f"{edit.path!r}: {reason}")
        if edit.new_path is not None:
            self._claim(edit.new_path, "arrive")

    def _claim(self, path: str, role: Role, in_turn: bool = False) -> None:
        if reason := refuse_reason(path, self.scope):
            raise EditRefused(f"{path!r}: {reason}")
        roles = self._roles.setdefault(path, set())
        may_follow = in_turn and role == "change" and "leave" not in roles
        if not may_follow and (role in roles or "change" in roles or (role == "change" and roles)):
            raise EditRefused(f"{path}: changed twice; write all changes of a file in one place")
        roles.add(role)

    def _base(self, path: str) -> bytes | None:
        if path not in self._before:
            self._before[path] = self._read(path)
        return self._before[path]

    def _now(self, edit: FileEdit) -> bytes | None:
        """The file that an edit is about. Renames and copies are always about the base."""
        if edit.path in self._files and edit.kind not in ("rename", "copy"):
            return self._files[edit.path].content
        return self._base(edit.path)

    def _take(self, edit: FileEdit) -> None:
        data = self._now(edit)
        if edit.readings:
            edit = _reading(edit, data, self._work)
        if data is None and edit.kind == "modify" and edit.hunks and not edit.hunks[0].open:
            edit = _as_new_file(edit)
        if edit.crlf and not (data and b"\r\n" in data):
            self._evidence.is_foreign = True
        if edit.kind == "create":
            if data is not None and edit.path not in self._leaving:
                raise EditRefused(f"{edit.path}: exists already; change it instead of creating it")
        elif data is None and edit.kind != "write":
            raise EditRefused(f"{edit.path}: no such file")
        if edit.content is not None and data is None:
            self._new.append(edit)
        if edit.content is not None and (data is None or edit.kind != "write"):
            self._files[edit.path] = Change(edit.content.encode(errors="surrogateescape"), edit.mode)
        elif edit.kind == "delete":
            self._delete(edit, data or b"")
        else:
            self._wait(edit, data or b"")

    def _delete(self, edit: FileEdit, data: bytes) -> None:
        said = [without_blanks(line) for hunk in edit.hunks for line in hunk.old]
        if edit.hunks and said != TextFile(data, self._work).view(without_blanks).lines:
            raise EditRefused(f"{edit.path}: the removed lines are not what the file holds")
        self._files.setdefault(edit.path, Change(None))

    def _wait(self, edit: FileEdit, data: bytes) -> None:
        if (edit.hunks or edit.content is not None) and b"\0" in data:
            raise EditRefused(f"{edit.path}: is a binary file")
        target = edit.new_path
        if (
            target is not None
            and self._base(target) is not None
            and not edit.over
            and target not in self._leaving
        ):
            raise EditRefused(f"{target}: exists already")
        self._waiting.append(Patching(edit, TextFile(data, self._work), data))

    def patch(self) -> None:
        """Finds the place of every waiting hunk, then builds the files."""
        place_all(self._waiting, self._evidence)
        for job in self._waiting:
            first = self._hunks[job.edit.path]
            self._hunks[job.edit.path] += len(job.edit.hunks)
            for n, problem in job.failed():
                if len(self.problems) < MOST_SHOWN:
                    text = explain(job.edit.path, first + n, job.edit.hunks[n - 1], job.file, problem)
                else:
                    text = f"{job.edit.path}, hunk {first + n}: {problem}"
                self.problems.append(text)
            if not job.failed():
                self._finish(job, first)
        self._waiting = []
        for edit in self._new:
            if doubt := doubt_of_new(edit.content or "", self._evidence):
                self.problems.append(f"{edit.path}: {doubt}")
        self._new = []

    def _finish(self, job: Patching, first: int) -> None:
        path, placed = job.edit.path, job.placed()
        for one, two in clashes(placed):
            self.problems.append(
                f"{path}, hunks {first + one + 1} and {first + two + 1}: they change the same lines"
            )
        if job.edit.kind != "write":
            self._doubt(path, first, placed, job.file)
        content = assemble(job.file, placed) if placed else job.data
        if job.edit.new_path is not None:
            if job.edit.kind == "rename":
                self._files.setdefault(path, Change(None))
            self._files[job.edit.new_path] = Change(content, job.edit.mode, source=path)
        elif content != job.data or job.edit.mode is not None:
            earlier = self._files.get(path, Change(None))
            mode = earlier.mode if job.edit.mode is None else job.edit.mode
            self._files[path] = Change(content, mode, earlier.source)
        self._steps += [(path, first + n, place.step) for n, (_, place) in enumerate(placed, 1)]

    def _doubt(self, path: str, first: int, placed: list[tuple[Hunk, Place]], file: TextFile) -> None:
        self._lost_lines |= any(is_lossy(place) for _, place in placed)
        self._open_ends += [
            f"{path}, hunk {first + n}: unchanged lines may be missing beside its added ones, as they are elsewhere"
            for n, (hunk, place) in enumerate(placed, 1)
            if hunk.open and has_open_end(hunk, place, file)
        ]


def _as_new_file(edit: FileEdit) -> FileEdit:
    """Only added lines for a file that isn't there: meant as a new one."""
    if len(edit.hunks) != 1 or edit.hunks[0].old:
        raise EditRefused(f"{edit.path}: no such file")
    ending = "" if edit.hunks[0].final_newline is False else "\n"
    return FileEdit(edit.path, "create", mode=edit.mode, content="\n".join(edit.hunks[0].new) + ending)


def _reading(edit: FileEdit, data: bytes | None, work: Work) -> FileEdit:
    """The one that asks for the most lines of the file and finds them; else the first, to say what is wrong."""
    if data is None:
        return next((each for each in edit.readings if each.kind == "create"), edit.readings[0])
    fitting = [
        each
        for each in edit.readings
        if each.hunks and not Patching(each, TextFile(data, work), data).attempted().failed()
    ]
    return max(fitting, key=lambda each: len(each.hunks[0].old), default=edit.readings[0])
