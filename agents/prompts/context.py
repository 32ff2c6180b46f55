"""What of a repository goes into a prompt: the list of its files, and the contents that matter for a task."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agents.edits.changes import EditRefused
from agents.edits.tree.paths import in_scope
from agents.edits.tree.worktree import read_from
from agents.model.fence import fenced

CHARACTERS_PER_TOKEN = 4
_LARGEST = 512 * 1024  # bytes; what is larger is data, no source
_WORTH_CUTTING = 2000  # characters; the start of a file is of use only if it is not too short
_NAMED = 30  # files left out that are named, before they are only counted
_HELPERS = 50  # files that only may help; in a large repository every second one shares a word with the task
_INTRODUCTIONS = {"readme", "contributing", "architecture"}
_TOKEN = re.compile(r"[\w./+-]+")
_WORD = re.compile(r"[a-z0-9]{3,}")


def room_of(tokens: int) -> int:
    """Characters that fit into so many tokens: an estimate, as every model counts in its own way."""
    return max(0, tokens) * CHARACTERS_PER_TOKEN


def editable(paths: Iterable[str]) -> list[str]:
    """Without the records, and without names that no answer could spell."""
    return [path for path in paths if path.isprintable() and not path.startswith(".refactory/")]


def listing(paths: Sequence[str], near: Collection[str], room: int) -> str:
    """The files, one a line. If they are too many, those nearest to `near`, and how many there are in all."""
    if sum(map(len, paths)) + len(paths) <= room:
        return "\n".join(paths)
    shown, left = set[str](), room
    for path in nearest(paths, near):
        left -= len(path) + 1
        if left < 0:
            break
        shown.add(path)
    lines = [path for path in paths if path in shown]
    note = f"({len(paths)} files in all; only the {len(shown)} nearest to the task are listed)"
    return "\n".join([*lines, note])


def nearest(paths: Iterable[str], near: Collection[str]) -> list[str]:
    """Those first that are the fewest steps through folders away from what is near."""
    folders = _folders(near)
    return sorted(paths, key=lambda path: (_distance(path, folders), path))


def _folders(near: Collection[str]) -> dict[str, int]:
    """For each folder that something near is below, in how many steps."""
    found: dict[str, int] = {}
    for steps, folder in ((n, str(p)) for path in near for n, p in enumerate(PurePosixPath(path).parents)):
        found[folder] = min(steps, found.get(folder, steps))
    return found


def _distance(path: str, folders: Mapping[str, int]) -> int:
    """Steps from the file up to a folder that something near is below, and down again."""
    for steps, parent in enumerate(PurePosixPath(path).parents):
        if str(parent) in folders:
            return steps + folders[str(parent)]
    return 0


@dataclass(frozen=True)
class Relevant:
    """Which files a task is about: those in its scope or named in its text, then those that may help."""

    core: list[str]
    more: list[str]


def relevant(paths: Iterable[str], scope: Sequence[str], text: str, root: Path) -> Relevant:
    """Each list with the likeliest first; of equals in the core, the smallest."""
    named = {token.strip("./") for token in _TOKEN.findall(text)}
    names = {name.rpartition("/")[2] for name in named}
    words = set(_WORD.findall(text.lower()))
    narrow = any(not glob.startswith("!") for glob in scope)
    core, more = [], []
    for path in paths:
        mine = narrow and in_scope(path, scope)
        score = 2 * (path in named) + (path.rpartition("/")[2] in names)
        if mine or score:
            core.append((not mine, -score, _size(root, path), path))
        elif weak := _kinship(path, words):
            more.append((-weak, path))
    return Relevant([entry[-1] for entry in sorted(core)], [entry[-1] for entry in sorted(more)[:_HELPERS]])


def _kinship(path: str, words: set[str]) -> int:
    found = set(_WORD.findall(path.lower()))
    return 2 * len(found & words) + ("/" not in path and not found.isdisjoint(_INTRODUCTIONS))


def _size(root: Path, path: str) -> int:
    try:
        return (root / path).lstat().st_size
    except OSError:
        return 0


def contents(found: Relevant, root: Path, room: int) -> str:
    """The files in fences, as far as there is room. What is cut or left out is named, so nobody guesses it."""
    pieces = list(_pieces(found.core, root, room))
    used = sum(len(text) for _, text in pieces)
    aside = list(_pieces(found.more, root, min(room - used, room // (10 if found.core else 2))))
    pieces += [(left, text) for left, text in aside if text]
    left = [reason for reason, text in pieces if reason and not text]
    parts = [text for _, text in pieces if text]
    if left:
        more = [f"and {len(left) - _NAMED} more"] if len(left) > _NAMED else []
        parts.append("Not shown: " + ", ".join([*left[:_NAMED], *more]))
    return "\n\n".join(parts)


def _pieces(paths: Iterable[str], root: Path, room: int) -> Iterator[tuple[str, str]]:
    """For each file why it is not shown (or empty), and how it is shown (or empty)."""
    read = read_from(root)
    for path in paths:
        if _size(root, path) > _LARGEST:
            yield f"{path} (too large)", ""
            continue
        try:
            data = read(path)
        except (EditRefused, OSError):
            data = None
        if data is None or b"\0" in data:
            yield f"{path} ({'no regular file' if data is None else 'binary'})", ""
            continue
        text = _shown(path, data.decode("utf-8", "replace").replace("\r\n", "\n"), room)
        room -= len(text)
        yield ("" if text else f"{path} (no room)"), text


def _shown(path: str, text: str, room: int) -> str:
    """The file in a fence, cut at a line's end if it is too long; nothing if only a little would be left."""
    whole = fenced(path, text)
    if len(whole) <= room:
        return whole
    space = room - len(fenced(path, "")) - 80
    if space < _WORTH_CUTTING:
        return ""
    start = text[:space].rpartition("\n")[0] + "\n"
    note = f" (CUT: only the first {start.count(chr(10))} of {text.count(chr(10))} lines are shown)"
    return fenced(path + note, start)
