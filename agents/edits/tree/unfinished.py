"""What is known of a write that has begun: enough to bring the tree back, also after a kill."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from agents.edits.changes import EditRefused
from agents.edits.tree.folders import parent, read, remove_empty
from state.files import NewFile, unwritable, write_new
from state.lock import locked

LOCK, JOURNAL = "edit-lock", "edit.json"


class Move(Struct, frozen=True):
    """`name`: bytes, as a path may be no UTF-8. `new`: the hash of what shall stand there."""

    name: bytes
    was_there: bool
    new: str | None

    @property
    def path(self) -> str:
        return os.fsdecode(self.name)


class Unfinished(Struct, frozen=True):
    """`aside`: the folder in the tree with the new files and the old ones. `folders`: made for the new ones."""

    aside: str
    moves: tuple[Move, ...]
    folders: tuple[bytes, ...]


class Undone(Struct, frozen=True):
    """`kept`: paths that somebody has changed since; what they held before is kept in `aside`."""

    paths: list[str]
    kept: list[str]
    aside: str

    def told(self) -> str:
        text = "a patch:apply that was killed has been undone"
        if self.paths:
            text += f": {', '.join(self.paths)}"
        if self.kept:
            text += f"; changed since, so left alone: {', '.join(self.kept)} (what was there before: {self.aside})"
        return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def fresh(aside: Path, number: int) -> Path:
    return aside / f"{number}.new"


def backup(aside: Path, number: int) -> Path:
    return aside / f"{number}.old"


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


@contextmanager
def exclusively(private: Path, root: Path) -> Iterator[tuple[Path, Undone | None]]:
    """Nobody else applies anything to the tree meanwhile. Gives the journal, and what an earlier kill had left."""
    with locked(private / LOCK, "patch:apply"):
        yield private / JOURNAL, mend(private / JOURNAL, root)


def note(journal: Path, unfinished: Unfinished) -> None:
    half = journal.with_suffix(".tmp")
    write_new([NewFile(str(half), msgspec.json.encode(unfinished))])
    half.rename(journal)


def finish(journal: Path) -> None:
    """From now on the new files are meant to stay."""
    journal.rename(journal.with_suffix(".done"))


def clean(journal: Path | None, aside: Path) -> None:
    """What fails here the next one does."""
    shutil.rmtree(aside, ignore_errors=True)
    if journal is not None and not aside.exists():
        with suppress(OSError):
            journal.with_suffix(".done").unlink()


def mend(journal: Path, root: Path) -> Undone | None:
    """Undoes what a killed process had begun and not finished; None if there is nothing like that."""
    journal.with_suffix(".tmp").unlink(missing_ok=True)
    done = journal.with_suffix(".done")
    if done.exists():
        clean(journal, root / msgspec.json.decode(done.read_bytes(), type=Unfinished).aside)
    if not journal.exists():
        return None
    try:
        undone = undo(msgspec.json.decode(journal.read_bytes(), type=Unfinished), root)
        if undone.kept or not (root / undone.aside).exists():
            journal.unlink()
    except OSError as error:
        raise unwritable(
            error, root, "an interrupted patch:apply could not be undone; then run it again"
        ) from None
    return undone


def undo(unfinished: Unfinished, root: Path) -> Undone:
    """Can be repeated: each step is seen to be done by what is there."""
    aside = root / unfinished.aside
    moves = list(enumerate(unfinished.moves))
    back = set()
    kept = [move.path for number, move in moves if _is_changed(move, number, aside, root)]
    for number, move in moves:
        if move.path not in kept and _is_placed(move, number, aside):
            with suppress(FileNotFoundError, NotADirectoryError), parent(root, move.path) as (folder, name):
                os.unlink(name, dir_fd=folder)
                back.add(move.path)
    for path in reversed(unfinished.folders):
        remove_empty(root, os.fsdecode(path))
    for number, move in moves:
        if move.path not in kept and backup(aside, number).exists():
            with parent(root, move.path, create=True) as (folder, name):
                os.rename(backup(aside, number), name, dst_dir_fd=folder)
            back.add(move.path)
    if not kept:
        shutil.rmtree(aside, ignore_errors=True)
    return Undone(sorted(back), kept, unfinished.aside)


def _is_placed(move: Move, number: int, aside: Path) -> bool:
    """The new file is no longer aside, and the old one is, if there was one."""
    gone = move.new is not None and not fresh(aside, number).exists()
    return gone and (not move.was_there or backup(aside, number).exists())


def _is_changed(move: Move, number: int, aside: Path, root: Path) -> bool:
    """Somebody has written there what is neither the old file nor ours."""
    if not (_is_placed(move, number, aside) or backup(aside, number).exists()):
        return False
    try:
        found = read(root, move.path)
    except NotADirectoryError:
        return False  # the file that a folder was to take the place of stands there
    except (EditRefused, OSError):
        return not _is_folder(root / move.path)
    return found is not None and hash_of(found) != move.new


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
