"""The merge driver: a record by field, its texts and what is no record by git's own merge (git-merge-file(1))."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from state.errors import RefactoryError, UsageError
from state.merge import merge
from state.records import BY_FOLDER, Record

if TYPE_CHECKING:
    from agents.git.repository import Repository

_LABELS = ("-L", "ours", "-L", "base", "-L", "theirs")


class Driven(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`conflicts` are fields. Merged by lines, as no record, it names none, and git's markers are in the file."""

    path: str
    conflicts: list[str] = []
    by_lines: str = ""
    clean: bool


def drive(base: Path, ours: Path, theirs: Path, name: str) -> Driven:
    """Merge the three versions of the record called `name` into the file `ours`."""
    try:
        merged = merge(_kind(name), base.read_bytes(), ours.read_bytes(), theirs.read_bytes(), merge_texts)
    except RefactoryError as error:
        return Driven(path=name, by_lines=error.message, clean=merge_files(ours, base, theirs))
    ours.write_bytes(merged.data)
    return Driven(path=name, conflicts=list(merged.conflicts), clean=not merged.conflicts)


def _kind(name: str) -> type[Record]:
    kind = BY_FOLDER.get(PurePosixPath(name).parent.name)
    if kind is None:
        raise UsageError(f"{name} is no record", f"records lie in {', '.join(BY_FOLDER)}")
    return kind


def merge_texts(base: str, ours: str, theirs: str) -> tuple[str, str]:
    """Both texts, with all that is not in conflict merged: the same text where nothing is."""
    from agents.git.repository import Repository  # few merges need it: git starts us for every record

    with TemporaryDirectory(prefix="refactory-merge-") as name:
        folder = Path(name)
        for side, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            (folder / side).write_bytes(text.encode())
        git = Repository(folder)
        # Git takes a file with a NUL for no text, and merges nothing in it.
        mine = _favouring(git, "--ours")
        other = _favouring(git, "--theirs")
    return (ours, theirs) if mine is None or other is None else (mine, other)


def _favouring(git: Repository, side: str) -> str | None:
    status, out, _ = git.attempt("merge-file", "-p", "-q", side, "ours", "base", "theirs")
    return out.decode() if status == 0 else None


def merge_files(ours: Path, base: Path, theirs: Path) -> bool:
    """By lines, into `ours`, as git does without a driver. False: it left its markers there."""
    from agents.git.repository import Repository

    paths = [str(path.absolute()) for path in (ours, base, theirs)]
    return Repository(ours.parent.absolute()).attempt("merge-file", "-q", *_LABELS, *paths)[0] == 0
