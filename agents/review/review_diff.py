"""The combined diff as a reviewer reads it: by file, with the tasks that changed each, cut where there is no room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.edits.formats.diff_names import plain_name
from agents.git.repository import Repository
from agents.rules.added_lines import PLAIN
from state.records import Outcome

_START = "diff --git "


@dataclass(frozen=True)
class FileDiff:
    path: str
    text: str
    tasks: tuple[str, ...] = ()
    cut: bool = False


def combined(git: Repository, outcome: Outcome) -> list[FileDiff]:
    """What the combination changes, file by file."""
    whole = git.run("diff-tree", "-r", "-p", *PLAIN, outcome.onto, outcome.commit)
    texts: dict[str, list[str]] = {}
    for text in whole.removeprefix(_START).split(f"\n{_START}") if whole else []:
        texts.setdefault(_path(text.partition("\n")[0]), []).append(f"{_START}{text}")
    tasks = _changed_by(git, outcome)
    return [FileDiff(path, "\n".join(parts), tasks.get(path, ())) for path, parts in texts.items()]


def _path(header: str) -> str:
    """Of `a/X b/X`: both halves are the same, as renames are shown as two files."""
    return plain_name(header[: len(header) // 2]).removeprefix("a/")


def _changed_by(git: Repository, outcome: Outcome) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for landed in outcome.landed:
        for path in git.changed_paths(f"{landed.commit}^1", landed.commit):
            found[path] = (*found.get(path, ()), landed.task)
    return found


def cut_to_fit(diff: Sequence[FileDiff], room: int) -> list[FileDiff]:
    """Small diffs stay whole; the large ones share what is left, each cut at a line's end and marked."""
    shares: dict[str, int] = {}
    left = room
    for done, part in enumerate(sorted(diff, key=lambda part: len(part.text))):
        shares[part.path] = min(len(part.text), left // (len(diff) - done))
        left -= shares[part.path]
    return [_cut(part, shares[part.path]) for part in diff]


def _cut(part: FileDiff, room: int) -> FileDiff:
    if len(part.text) <= room:
        return part
    kept = part.text[:room].rpartition("\n")[0]
    missing = part.text.rstrip("\n").count("\n") + 1 - kept.count("\n") - bool(kept)
    return replace(part, text=f"{kept}\n[CUT: {missing} more lines of {part.path} are not shown]", cut=True)
