"""An answer in two formats: what is read of one is half of the change, and would be called all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.edits.changes import EditRefused
from agents.edits.formats.diff_header import is_pair

SEARCH = re.compile(r"<{5,9} ?(SEARCH|ORIGINAL)>?\s*")
BEGIN = "*** Begin Patch"


def refuse_another(lines: list[str], at: int, own: str) -> None:
    """Raises EditRefused if another format than the reader's own begins at a line that is no part of its edits."""
    line = lines[at]
    begins = {
        "search_replace": SEARCH.fullmatch(line) is not None,
        "apply_patch": line.strip() == BEGIN,
        "diff": line.startswith("diff --git ") or is_pair(lines, at),
    }
    if any(found for name, found in begins.items() if name != own):
        raise mixed()


def mixed(paths: Sequence[str] = ()) -> EditRefused:
    where = f" ({', '.join(paths)})" if paths else ""
    return EditRefused(f"the answer mixes two formats{where}: write all of it in one of them")
