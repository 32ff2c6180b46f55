"""Several files changed as one: all are written aside first, then a journal names their places, then they move.

To write the journal is the commit point. Before it nothing is changed, and any failure leaves the old state. After it
only renames are left, and texts for which there is room already: neither needs space or descriptors; after a crash the
next command does what is still to be done. (What goes to another disk, as a linked worktree may be on, is copied
there before it.) Order: all new files (write, fsync), their folder (fsync), journal (write, fsync), each file (rename),
logs (write, fsync), their folders (fsync), then the journal says that it is done.

New files lie in `staged/` beside the journal, where no tool that walks the working tree finds them. What has moved
is staged no more, so a journal that a power cut brings back does nothing a second time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import msgspec

from state import journal_file
from state.files import (
    UNCHANGED,
    Folders,
    NewFile,
    copies_beside,
    make_folder,
    move,
    sync_folder,
    unwritable,
    write_new,
)
from state.in_place import Places, can_change, write_again
from state.journal_file import Journal, Steps, exists, left, read, set_aside, staging_of, steps_of
from state.journal_mark import is_open

_RECORDED = (
    "the change is recorded all the same: mend the cause; the next command finishes it, don't repeat it"
)


class Append(msgspec.Struct, frozen=True):
    """Text that belongs at `offset` of a log, whatever is there now."""

    offset: int
    text: str


class Changes(msgspec.Struct, frozen=True):
    """Paths are relative to the folder given to `commit`. None removes one.

    Of the files beside the journal, `private` ones are replaced as a whole; `notes` are written over in place, for
    readers that hold the lock.
    """

    writes: dict[str, str | None]
    appends: dict[str, Append]
    private: dict[str, str] = {}
    notes: dict[str, str] = {}


def commit(journal: Path, root: Path, changes: Changes, what: str = "", *, durable: bool = True) -> None:
    """All of it or none. Raises Unwritable, which says whether it is all or none."""
    with _committed(journal, root, changes, what, durable) as (steps, folders, places):
        try:
            _move_all(steps)
            places.write()
            _finish(journal, steps, folders, durable)
        except OSError as error:
            raise unwritable(error, root, _RECORDED) from None


def begin(journal: Path, root: Path, changes: Changes, what: str = "") -> None:
    """Only up to the commit point: from here on the changes will be made, by us or by who comes next."""
    with _committed(journal, root, changes, what, durable=True):
        pass


def recover(journal: Path) -> bool:
    """Finish what a killed process began, and say so. True if there was something. Call under the lock."""
    try:
        what = _recovered(journal)
    except OSError as error:
        raise unwritable(error, journal, f"{UNCHANGED}; it finishes what was interrupted, too") from None
    if what is not None:
        print(f"refactory: recovered: {what} was interrupted; its change is complete now", file=sys.stderr)
    return what is not None


def _recovered(journal: Path) -> str | None:
    if not is_open(journal):
        return None
    found = read(journal)
    if found is None:
        journal_file.close(journal)  # it was never whole: its writer was killed before the commit point
        return None
    what = f"`{found.what}`" if found.what else "a command"
    steps = left(steps_of(journal, found))
    if not exists(steps.root):
        raise set_aside(journal, f"{steps.root}: is gone, and {what} had not finished writing there")
    for folder in steps.folders() | steps.folders_written():
        make_folder(folder)
    with Folders(steps.folders() - {str(journal.parent)}) as folders:
        _move_all(steps)
        for path, (offset, text) in steps.appends.items():
            write_again(path, offset, text)
        with Places({}, steps.notes) as notes:
            notes.write()
        _finish(journal, steps, folders, durable=True)
    return what


def pending(journal: Path) -> dict[str, str | None]:
    """Where the files of a change lie that nobody can carry out just now; None: the change removes it.

    For those who can only read: together with this they see all records as they are going to be.
    """
    found = read(journal)
    if found is None:
        return {}
    steps = left(steps_of(journal, found))
    lying = {target: staged for staged, target in steps.moves.items()}
    return {**lying, **dict.fromkeys(steps.removes)}


@contextmanager
def _committed(
    journal: Path, root: Path, changes: Changes, what: str, durable: bool
) -> Iterator[tuple[Steps, Folders, Places]]:
    """Past the commit point inside; a failure before it is undone."""
    try:
        found, files, private = _planned(journal, root, changes, what)
        steps = steps_of(journal, found)
        for folder in (str(staging_of(journal)), *steps.folders()):
            make_folder(folder, durable)
        folders = Folders(steps.folders() - {str(journal.parent)}, durable)
    except OSError as error:
        raise unwritable(error, root, UNCHANGED) from None
    with folders:
        try:
            places = Places(steps.appends, steps.notes, durable)
        except OSError as error:
            raise unwritable(error, root, UNCHANGED) from None
        with places:
            try:
                places.reserve()
                _stage(journal, steps, files, private, durable)
                journal_file.write(journal, found, durable)
            except OSError as error:
                raise unwritable(error, root, _undo(journal, steps, places, durable)) from None
            except BaseException:
                _undo(journal, steps, places, durable)
                raise
            yield steps, folders, places


def _planned(
    journal: Path, root: Path, changes: Changes, what: str
) -> tuple[Journal, list[NewFile], list[NewFile]]:
    """The journal, the files that must be durable before it is, and the private ones."""
    appends = {name: append for name, append in changes.appends.items() if can_change(f"{root}/{name}")}
    notes = {name: text for name, text in changes.notes.items() if can_change(f"{journal.parent}/{name}")}
    whole = {name: append for name, append in changes.appends.items() if name not in appends}
    own = {**changes.private, **{name: text for name, text in changes.notes.items() if name not in notes}}

    contents = {name: text.encode() for name, text in changes.writes.items() if text is not None}
    contents |= {name: _grown(root / name, append) for name, append in whole.items()}
    token = os.urandom(8).hex()  # no other journal ever names these files
    moves = {f"{token}.{number}": name for number, name in enumerate(contents)}
    private = {f"{token}.{number}": name for number, name in enumerate(own, len(moves))}
    removes = [name for name, text in changes.writes.items() if text is None]
    texts = {name: (append.offset, append.text) for name, append in appends.items()}
    found = Journal(what, _way(journal.parent, root), moves, private, removes, texts, notes)
    staging = str(staging_of(journal))
    files = [NewFile(f"{staging}/{staged}", contents[name]) for staged, name in moves.items()]
    return (
        found,
        files,
        [NewFile(f"{staging}/{staged}", own[name].encode(), 0o600) for staged, name in private.items()],
    )


@cache
def _way(private: Path, root: Path) -> bytes:
    return os.fsencode(os.path.relpath(os.path.realpath(root), os.path.realpath(private)))


def _grown(path: Path, append: Append) -> bytes:
    """The whole log."""
    if not append.offset:
        return append.text.encode()
    with path.open("rb") as file:
        return file.read(append.offset) + append.text.encode()


def _stage(journal: Path, steps: Steps, files: list[NewFile], private: list[NewFile], durable: bool) -> None:
    staging = staging_of(journal)
    _empty(staging)
    write_new(private, durable=False)  # of this machine's present: after a power cut nobody misses it
    write_new(files, durable)
    copies = copies_beside(steps.moves, staging)
    write_new([NewFile(copy, Path(staged).read_bytes()) for staged, copy in copies.items()], durable)
    if files:
        sync_folder(staging, durable)


def _undo(journal: Path, steps: Steps, places: Places, durable: bool) -> str:
    """The old state again, and the hint that says so."""
    try:
        if is_open(journal):
            journal_file.close(journal, durable)
    except OSError:
        return _RECORDED
    with suppress(OSError):
        places.give_back()
        for copy in copies_beside(steps.moves, staging_of(journal)).values():
            Path(copy).unlink(missing_ok=True)
        _empty(staging_of(journal))
    return UNCHANGED


def _empty(staging: Path) -> None:
    """What a killed command left there before its commit point."""
    for name in os.listdir(staging):
        (staging / name).unlink()


def _move_all(steps: Steps) -> None:
    for staged, target in steps.moves.items():
        move(staged, target)
    for path in steps.removes:
        with suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108


def _finish(journal: Path, steps: Steps, folders: Folders, durable: bool) -> None:
    folders.sync()
    # Waited for where files were removed: else that journal could remove what a later `git checkout` wrote.
    journal_file.close(journal, durable and bool(steps.removes))
