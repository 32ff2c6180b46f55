"""Turns edits into new file contents: in memory, all or nothing, whatever format they came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from agents.edits.changes import Applied, EditRefused, FileEdit, Reader
from agents.edits.draft import Draft


def apply(edits: Iterable[FileEdit], read: Reader, scope: Sequence[str] = ()) -> Applied:
    """The files as the edits leave them; raises EditRefused, with every reason, if one of them can't be applied."""
    edits = list(edits)
    if not any(edit.in_turn for edit in edits):
        edits = list(dict.fromkeys(edits))  # said twice is meant once
    together = _merged(edits)
    try:
        return _apply(together, read, scope)
    except EditRefused:
        if len(together) == len(edits):
            raise
        # Several diffs of one file may also have been made one after another.
        return _apply([msgspec.structs.replace(edit, in_turn=True) for edit in edits], read, scope)


def _apply(edits: Sequence[FileEdit], read: Reader, scope: Sequence[str]) -> Applied:
    draft = Draft(read, scope, leaving={edit.path for edit in edits if edit.kind in ("delete", "rename")})
    for some in _rounds(edits):
        for edit in some:
            draft.take(edit)
        draft.patch()
    draft.check()
    if draft.problems:
        raise EditRefused("\n\n".join(draft.problems), "nothing was changed; send the whole answer again")
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
    found: list[FileEdit] = []
    places: dict[str, int] = {}
    for edit in edits:
        first = places.setdefault(edit.path, len(found))
        kinds = {edit.kind, found[first].kind} if first < len(found) else set()
        if kinds != {"modify"} or edit.content is not None or edit.in_turn:
            found.append(edit)
        else:
            hunks = tuple(dict.fromkeys(found[first].hunks + edit.hunks))
            mode = found[first].mode if edit.mode is None else edit.mode
            found[first] = msgspec.structs.replace(found[first], hunks=hunks, mode=mode)
    return found
