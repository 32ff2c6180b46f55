"""The hunks of an answer on their way to a place. Line numbers count as long as none is known to be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from agents.edits.changes import FileEdit, Hunk
from agents.edits.placing.indentation import Evidence, with_own_indentation
from agents.edits.placing.locate import place
from agents.edits.placing.numbers import by_numbers
from agents.edits.placing.order import are_in_order, are_numbered_in_order, as_many, by_order
from agents.edits.placing.place import Place, Unplaced
from agents.edits.placing.style import Style
from agents.edits.placing.wholly import hunks
from agents.edits.textfile import TextFile


class Patching:
    """One file with its hunks, each placed or with the reason why not."""

    def __init__(self, edit: FileEdit, file: TextFile, data: bytes) -> None:
        self.edit = edit
        self.file = file
        self.data = data
        self.results: list[Place | Unplaced] = []
        if edit.kind == "write":
            found = hunks(edit, file)
            self.edit = replace(edit, hunks=tuple(hunk for hunk, _ in found))
            self.results = [place for _, place in found]

    def attempt(self, trust_line: bool) -> None:
        if self.edit.kind == "write":
            return  # its hunks were made for their places
        self.results = [_attempt(partial(place, hunk, self.file, trust_line)) for hunk in self.edit.hunks]
        self.results = as_many(self.edit.hunks, self.results)
        if self.edit.ordered:
            self.results = by_order(self.edit.hunks, self.results, self.file, takes_first=True)

    def narrow(self, in_order: bool) -> None:
        """What the numbers and the order of hunks tell of those that fit in several places."""
        hunks = self.edit.hunks
        self.results = by_numbers(hunks, self.results)
        if in_order or are_numbered_in_order(hunks):
            self.results = by_order(hunks, self.results, self.file)

    def attempted(self) -> Patching:
        self.attempt(trust_line=False)
        return self

    def indent(self, evidence: Evidence) -> None:
        if self.edit.kind == "write" and not evidence.rate:
            return  # all lines of the file were said: nothing is damaged
        if evidence.is_sound or not self.placed():
            return
        style = Style(self.file.lines, self.file.work)
        for at, result in enumerate(self.results):
            if isinstance(result, Place):
                step = partial(with_own_indentation, self.edit.hunks[at], result, self.file, evidence, style)
                self.results[at] = _attempt(step)

    def failed(self) -> list[tuple[int, Unplaced]]:
        return [(n, result) for n, result in enumerate(self.results, 1) if isinstance(result, Unplaced)]

    def placed(self) -> list[tuple[Hunk, Place]]:
        pairs = zip(self.edit.hunks, self.results, strict=True)
        return [(hunk, result) for hunk, result in pairs if isinstance(result, Place)]

    def has_wrong_line(self) -> bool:
        return any(
            hunk.line is not None and place.lines and place.lines[0] not in (None, hunk.line - 1)
            for hunk, place in self.placed()
        )


def _attempt(step: Callable[[], Place]) -> Place | Unplaced:
    try:
        return step()
    except Unplaced as problem:
        return problem


def place_all(jobs: Sequence[Patching], evidence: Evidence) -> None:
    """Places the hunks of all files; the whole answer shows how far its numbers and blanks can be believed."""
    for job in jobs:
        job.attempt(trust_line=False)
    if not any(job.has_wrong_line() for job in jobs):
        for job in jobs:
            if job.failed():
                job.attempt(trust_line=True)
    in_order = are_in_order([job.results for job in jobs])
    for job in jobs:
        job.narrow(in_order)
    for job in jobs:
        for hunk, result in job.placed():
            evidence.add(hunk, result, job.file)
    for job in jobs:
        job.indent(evidence)
