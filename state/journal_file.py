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
from state.files import unwritable


class Journal(msgspec.Struct, frozen=True):
    """`moves` leads from staged files to paths below `root`, `private` to paths beside the journal."""

    what: str
    root: bytes
    moves: dict[str, str]
    private: dict[str, str]
    removes: list[str]


class Steps(msgspec.Struct, frozen=True):
    """What a journal asks for, with whole paths."""

    root: Path
    moves: dict[Path, Path]
    removes: list[Path]

    def folders(self) -> set[Path]:
        """Those that change when it is done."""
        return {path.parent for path in (*self.moves.values(), *self.removes)}


def read(journal: Path) -> Journal | None:
    try:
        return msgspec.json.decode(journal.read_bytes(), type=Journal)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise set_aside(
            journal, f"{journal}: can't be read, and what it was to finish can't be done"
        ) from None


def steps_of(journal: Path, found: Journal) -> Steps:
    staging = staging_of(journal)
    root = Path(os.path.normpath(journal.parent.resolve() / os.fsdecode(found.root)))
    moves = {staging / staged: root / name for staged, name in found.moves.items()}
    moves |= {staging / staged: journal.parent / name for staged, name in found.private.items()}
    return Steps(root, moves, [root / name for name in found.removes])


def left(steps: Steps) -> Steps:
    """Without what was done already."""
    moves = {staged: target for staged, target in steps.moves.items() if staged.exists()}
    return Steps(steps.root, moves, steps.removes)


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
