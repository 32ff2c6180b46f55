"""What a journal says, and what of it is still to be done.

All worktrees of a clone share one journal, so it says to which of them its changes belong. It says so from its
own folder, and in bytes: a repository may be moved or copied, and its path need not be UTF-8.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from state.errors import RefactoryError
from state.files import read_regular, unwritable


class Journal(msgspec.Struct, frozen=True):
    """`moves` leads from staged files to paths below `root`, `private` to paths beside the journal."""

    what: str
    root: bytes
    moves: dict[str, str]
    private: dict[str, str]
    removes: list[str]


class Steps(msgspec.Struct, frozen=True):
    """What a journal asks for, with whole paths. As text: to make a Path takes longer than to rename a file."""

    root: str
    moves: dict[str, str]
    removes: list[str]

    def folders(self) -> set[str]:
        """Those that change when it is done."""
        return {os.path.dirname(path) for path in (*self.moves.values(), *self.removes)}  # noqa: PTH120


def read(journal: Path) -> Journal | None:
    try:
        return msgspec.json.decode(read_regular(journal), type=Journal)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise set_aside(
            journal, f"{journal}: can't be read, and what it was to finish can't be done"
        ) from None


def steps_of(journal: Path, found: Journal) -> Steps:
    private, staging = str(journal.parent), str(staging_of(journal))
    root = os.path.normpath(f"{os.path.realpath(private)}/{os.fsdecode(found.root)}")
    moves = {f"{staging}/{staged}": f"{root}/{name}" for staged, name in found.moves.items()}
    moves |= {f"{staging}/{staged}": f"{private}/{name}" for staged, name in found.private.items()}
    return Steps(root, moves, [f"{root}/{name}" for name in found.removes])


def left(steps: Steps) -> Steps:
    """Without what was done already."""
    moves = {staged: target for staged, target in steps.moves.items() if exists(staged)}
    return Steps(steps.root, moves, steps.removes)


def exists(path: str) -> bool:
    """Unlike os.path.exists, no broken disk makes it say that there is nothing."""
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def set_aside(journal: Path, message: str) -> RefactoryError:
    """With the files it names, out of the way of the next command."""
    aside = journal.with_name(f"journal.{time.time_ns()}")
    try:
        aside.mkdir()
        staging_of(journal).rename(aside / "staged")
        journal.rename(aside / "journal")
    except OSError as error:
        return unwritable(error, aside, message)
    return RefactoryError(
        message, f"what it was to write is kept in {aside}; run your command again, it will work"
    )


def staging_of(journal: Path) -> Path:
    return journal.with_name("staged")
