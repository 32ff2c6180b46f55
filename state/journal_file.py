"""What a journal says, and what of it is still to be done.

All worktrees of a clone share one journal, so it says to which of them its changes belong. It says so from its
own folder, and in bytes: a repository may be moved or copied, and its path need not be UTF-8.

It is one file that is written over each time, as to make and remove one is dear. What is cut off, or mixed with an
older one, does not have the checksum that it names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from zlib import crc32

import msgspec

from state.errors import RefactoryError
from state.files import read_regular, sync_folder, unwritable, write_all
from state.journal_mark import DONE, OPEN

_HEADER = 32  # bytes: its mark, the length and the checksum of what follows
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Journal(msgspec.Struct, frozen=True):
    """`moves` leads from staged files to paths below `root`, `private` to paths beside the journal.

    `appends` are texts at offsets of files below `root`, `notes` the new texts of files beside the journal.
    """

    what: str
    root: bytes
    moves: dict[str, str]
    private: dict[str, str]
    removes: list[str]
    appends: dict[str, tuple[int, str]]
    notes: dict[str, str]


class Steps(msgspec.Struct, frozen=True):
    """What a journal asks for, with whole paths. As text: to make a Path takes longer than to rename a file."""

    root: str
    moves: dict[str, str]
    removes: list[str]
    appends: dict[str, tuple[int, str]]
    notes: dict[str, str]

    def folders(self) -> set[str]:
        """Those that change when it is done."""
        return {os.path.dirname(path) for path in (*self.moves.values(), *self.removes)}  # noqa: PTH120

    def folders_written(self) -> set[str]:
        """Those of files that were there when it began: a clean or a checkout may have removed them since."""
        return {os.path.dirname(path) for path in (*self.appends, *self.notes)}  # noqa: PTH120


def read(journal: Path) -> Journal | None:
    """The change that is still to be made, if there is one."""
    try:
        data = read_regular(journal)
    except FileNotFoundError:
        return None
    header, body = data[:_HEADER], data[_HEADER:]
    if header[:1] in (DONE, b""):
        return None
    try:
        state, length, checksum = header.split()
        body = body[: int(length)]
        if state != OPEN:
            raise ValueError(state)
        if (len(body), crc32(body)) != (int(length), int(checksum)):
            return None
        return msgspec.json.decode(body, type=Journal)
    except (ValueError, msgspec.MsgspecError):
        message = f"{journal}: can't be read, and what it was to finish can't be done"
        raise set_aside(journal, message) from None


def write(journal: Path, content: Journal, durable: bool) -> None:
    """The commit point."""
    body = msgspec.json.encode(content)
    new = not journal.exists()
    descriptor = os.open(journal, _FLAGS, 0o666)
    try:
        write_all(descriptor, _header(body) + body)
        if durable:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_folder(journal.parent, durable)


def _header(body: bytes) -> bytes:
    return (b"%s %d %d" % (OPEN, len(body), crc32(body))).ljust(_HEADER - 1) + b"\n"


def close(journal: Path, durable: bool = False) -> None:
    """There is nothing to be done any more. Not waited for: what is done by a journal, it does not do twice."""
    try:
        descriptor = os.open(journal, _FLAGS & ~os.O_CREAT)
    except FileNotFoundError:
        return
    try:
        write_all(descriptor, DONE)
        if durable:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def steps_of(journal: Path, found: Journal) -> Steps:
    private, staging = str(journal.parent), str(staging_of(journal))
    root = os.path.normpath(f"{os.path.realpath(private)}/{os.fsdecode(found.root)}")
    moves = {f"{staging}/{staged}": f"{root}/{name}" for staged, name in found.moves.items()}
    moves |= {f"{staging}/{staged}": f"{private}/{name}" for staged, name in found.private.items()}
    return Steps(
        root,
        moves,
        [f"{root}/{name}" for name in found.removes],
        {f"{root}/{name}": append for name, append in found.appends.items()},
        {f"{private}/{name}": text for name, text in found.notes.items()},
    )


def left(steps: Steps) -> Steps:
    """Without what was done already."""
    moves = {staged: target for staged, target in steps.moves.items() if exists(staged)}
    return msgspec.structs.replace(steps, moves=moves)


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
