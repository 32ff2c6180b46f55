"""Working trees that are on a branch follow it when it moves: all of it, or none, also if we are killed on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from agents.git.diff import Changed, changes
from agents.git.repository import Repository
from state.errors import Conflict, RefactoryError
from state.location import git_dir_of
from state.private_files import write_private

_NOTE = "following"
_NOTHING = "000000"  # the mode of what is not there
_REGULAR = ("100644", "100755", "120000")


class Move(msgspec.Struct, frozen=True):
    """What was under way. Git updates the files first, then its index; the branch moves last."""

    old: str
    new: str
    folders: list[str]


@contextmanager
def following(private: Path, folders: list[Path], old: str, new: str) -> Iterator[None]:
    """Bring the folders from `old` to `new`; back again, if one refuses or the block fails. Under the git lock."""
    note, move = private / _NOTE, Move(old, new, [str(folder) for folder in folders])
    begun: list[Path] = []
    done: list[Path] = []
    if folders:
        write_private(note, msgspec.json.encode(move).decode())
    try:
        for folder in folders:
            _refuse(folder, old, new)
            begun.append(folder)
            _follow(folder, old, new)
            done.append(folder)
        yield
    except BaseException:
        for folder in done:
            _follow(folder, new, old)
        for folder in begun[len(done) :]:
            _undo(folder, move)
        note.unlink(missing_ok=True)  # where that failed, the next launch tries it again
        raise
    note.unlink(missing_ok=True)


def undo_killed(git: Repository, private: Path, head: str) -> None:
    """Bring back what a killed one had moved, unless the branch did get there. Under the git lock."""
    note = private / _NOTE
    try:
        move = msgspec.json.decode(note.read_bytes(), type=Move)
    except (FileNotFoundError, msgspec.MsgspecError):
        return
    if not git.is_ancestor(move.new, head):
        for folder in map(Path, move.folders):
            _undo(folder, move)
    note.unlink()


def _refuse(folder: Path, old: str, new: str) -> None:
    """Raises Conflict where the folder has changes of its own that are in the way; nothing is touched yet."""
    git_dir = git_dir_of(folder)
    if git_dir is None:
        raise Conflict(f"{folder}: no working tree to update", "launch from the one that is on the branch")
    git = Repository(git_dir, folder)
    git.attempt("update-index", "-q", "--refresh")
    status, _, err = git.attempt("read-tree", "-m", "-u", "--dry-run", old, new)
    if status:
        hint = "commit or stash the changes there, or launch with --as push; nothing was changed"
        raise Conflict(f"{folder}: {_said(err)}", hint)


def _follow(folder: Path, old: str, new: str) -> None:
    """As `git merge --ff-only` would, which may stop half way on a full disk or at a folder that is read-only."""
    git = Repository(git_dir_of(folder) or folder, folder)
    status, _, err = git.attempt("read-tree", "-m", "-u", old, new)
    if status:
        hint = "mend the cause, or launch with --as push; what was written there is taken back"
        raise RefactoryError(f"{folder}: {_said(err)}", hint)


def _said(err: str) -> str:
    said = next((line for line in err.splitlines() if line.strip()), "git read-tree failed")
    return said.removeprefix("error: ")


def _undo(folder: Path, move: Move) -> None:
    """Each path by itself, and only where nothing but the new content would be lost."""
    git_dir = git_dir_of(folder)
    if git_dir is None:
        return  # gone since
    git = Repository(git_dir, folder)
    for change in changes(git, move.old, move.new):
        if _is_ours(git, folder / change.path, change, move):
            _restore(git, folder / change.path, change, move.old)


def _is_ours(git: Repository, path: Path, change: Changed, move: Move) -> bool:
    """It is as git writes it on its way to the new state: not there, whole, or as far as it came."""
    if {change.old_mode, change.new_mode} - {_NOTHING, *_REGULAR}:
        return False
    staged = git.run("ls-files", "--stage", "--", f":(top,literal){change.path}").split()[1:2]
    if staged not in (_blob(git, move.old, change.path), _blob(git, move.new, change.path)):
        return False
    try:
        there = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if change.new_mode == _NOTHING or (
        change.old_mode != _NOTHING and there == _content(git, move.old, change)
    ):
        return False
    return _content(git, move.new, change).startswith(there)


def _content(git: Repository, commit: str, change: Changed) -> bytes:
    return git.raw("cat-file", "--filters", f"{commit}:{change.path}")


def _blob(git: Repository, commit: str, path: str) -> list[str]:
    return git.run("ls-tree", commit, "--", f":(top,literal){path}").split()[2:3]


def _restore(git: Repository, path: Path, change: Changed, old: str) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
    if change.old_mode == _NOTHING:
        git.run("update-index", "--force-remove", "--", change.path)
        return
    entry = f"{change.old_mode},{_blob(git, old, change.path)[0]},{change.path}"
    git.run("update-index", "--add", "--cacheinfo", entry)
    git.run("checkout-index", "-f", "-u", "--", change.path)
