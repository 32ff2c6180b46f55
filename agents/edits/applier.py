"""Turns edits into new file contents: in memory, all or nothing, whatever format they came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from agents.edits.changes import MAX_FILES, Applied, EditRefused, FileEdit, Reader
from agents.edits.draft import Draft
from agents.edits.work import Work

MOST_TOLD = 100  # problems of one answer


def apply(edits: Iterable[FileEdit], read: Reader, scope: Sequence[str] = ()) -> Applied:
    """The files as the edits leave them; raises EditRefused, with every reason, if one of them can't be applied."""
    edits, work = list(edits), Work()
    if len({edit.path for edit in edits}) > MAX_FILES:
        raise EditRefused(f"the answer changes more than {MAX_FILES} files")
    if not any(edit.in_turn for edit in edits):
        edits = list(dict.fromkeys(edits))  # said twice is meant once
    together = _merged(edits)
    try:
        return _apply(together, read, scope, work)
    except EditRefused:
        if len(together) == len(edits):
            raise
        # Several diffs of one file may also have been made one after another.
        return _apply([msgspec.structs.replace(edit, in_turn=True) for edit in edits], read, scope, work)


def _apply(edits: Sequence[FileEdit], read: Reader, scope: Sequence[str], work: Work) -> Applied:
    leaving = {edit.path for edit in edits if edit.kind in ("delete", "rename")}
    draft = Draft(read, scope, leaving, work)
    for some in _rounds(edits):
        for edit in some:
            draft.take(edit)
        draft.patch()
    draft.check()
    if draft.problems:
        told = draft.problems[:MOST_TOLD]
        if more := len(draft.problems) - len(told):
            told.append(f"and {more} more")
        raise EditRefused("\n\n".join(told), "nothing was changed; send the whole answer again")
    return draft.applied()


def _rounds(edits: Iterable[FileEdit]) -> list[list[FileEdit]]:
    """Edits in turn wait for the one before them on the same file; all others are about the base."""
    found: list[list[FileEdit]] = [[]]
    seen = Counter[str]()
    for edit in edits:
        turn = seen[edit.path] if edit.in_turn else 0
        seen[edit.path] += 1
        found += [[] for _ in range(turn + 1 - len(found))]
        found[turn].append(edit)
    return found


def _merged(edits: Iterable[FileEdit]) -> list[FileEdit]:
    """Hunks for one file may come in several parts, and the same part twice."""
    groups: list[list[FileEdit]] = []
    first: dict[str, list[FileEdit]] = {}
    for edit in edits:
        group = first.setdefault(edit.path, [])
        if not (group and {edit.kind, group[0].kind} == {"modify"}) or edit.in_turn:
            group = [] if group else group
            groups.append(group)
        group.append(edit)
    return [_one(group) for group in groups]


def _one(group: list[FileEdit]) -> FileEdit:
    if len(group) == 1:
        return group[0]
    hunks = tuple(dict.fromkeys(hunk for edit in group for hunk in edit.hunks))
    modes = [edit.mode for edit in group if edit.mode is not None]
    return msgspec.structs.replace(group[0], hunks=hunks, mode=modes[-1] if modes else None)
