"""A pool of worktrees: a fresh one of a large repository costs seconds, a reused one milliseconds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from agents.git.lock import git_locked
from agents.git.repository import Repository
from agents.processes.inhabitants import kill_inhabitants
from agents.worktrees.file_tree import remove
from agents.worktrees.state_tree import without_state
from agents.worktrees.worktree import Worktree, folder_id_of, marker_of
from state.config import MOST_BYTES
from state.errors import Busy, RefactoryError

_MOST = 256  # worktrees of one clone; far above what a machine can run at once


class Pool:
    """Worktrees in `folder`, named 1, 2, ...; each is owned by whoever holds its lock file."""

    def __init__(self, repository: Repository, folder: Path, git_lock: Path) -> None:
        self.repository = repository
        self.folder = folder
        self._git_lock = git_lock

    @contextmanager
    def checkout(self, commit: str, most: int = MOST_BYTES) -> Iterator[Worktree]:
        """A clean worktree at `commit`, ours until the block ends. `most`: bytes of changes that it may hold."""
        with self._slot(commit) as worktree:
            busy = _busy(worktree.path)
            busy.touch()
            try:
                yield replace(worktree, most=most)
            finally:
                kill_inhabitants(worktree.path)
                busy.unlink(missing_ok=True)

    def prepare(self, count: int, commit: str) -> None:
        """So many worktrees for those who will soon ask for one. Whatever fails here, they will meet and report."""
        with suppress(RefactoryError, OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, count + 1):
                with self._held(str(number)) as held:
                    if held and not (self.folder / f"{number}.ready").exists():
                        self._prepared(str(number), commit)

    def dispose(self) -> None:
        """Remove every worktree that nobody holds."""
        for name in self.unused():
            with self._held(name) as held:
                if held:
                    self._remove(name)

    def unused(self) -> list[str]:
        """Worktrees that are there though nobody holds them."""
        found = []
        for name in sorted(self._names()):
            with self._held(name) as held:
                found += [name] if held else []
        return found

    def _names(self) -> set[str]:
        """Folders, and what a killed `worktree add` registered in the git folder before it made one."""
        folders = {path.name for path in self.folder.glob("*") if path.is_dir()}
        return folders | {name for _, name in self._registered()}

    @contextmanager
    def _slot(self, commit: str) -> Iterator[Worktree]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # often without a home, in a container
            raise RefactoryError(
                f"{self.folder}: worktrees can't be made there: {error.strerror}",
                "name another folder: `worktrees` in .refactory/config.yaml, or XDG_CACHE_HOME",
            ) from None
        for number in range(1, _MOST + 1):
            with self._held(str(number)) as held:
                worktree = self._prepared(str(number), commit) if held else None
                if worktree:
                    yield worktree
                    return
        raise Busy(f"{self.folder}: all {_MOST} worktrees are in use", "`refactory doctor` shows by whom")

    @contextmanager
    def _held(self, name: str) -> Iterator[bool]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _prepared(self, name: str, commit: str) -> Worktree | None:
        """None if there is something that can't be removed: another user's files, or a mount."""
        if _busy(self.folder / name).exists():  # its agent was killed; to look at all processes takes time
            kill_inhabitants(self.folder / name)
        marker = self.folder / f"{name}.ready"
        if marker.exists():
            try:
                return self._at(name, Path(marker.read_text(encoding="utf-8")), commit)
            except (RefactoryError, OSError):
                pass  # killed halfway, or damaged by an agent: a new one is made
        self._remove(name)
        if os.path.lexists(self.folder / name):
            return None
        return self._at(name, self._add(name, commit), commit)

    def _at(self, name: str, git_dir: Path, commit: str) -> Worktree:
        path = self.folder / name
        ours = git_dir.parent.resolve() == (self.repository.git_dir / "worktrees").resolve()
        if path.is_symlink() or not path.is_dir() or not ours or not git_dir.is_dir():
            raise RefactoryError(f"{path}: damaged worktree")
        for left in git_dir.glob("*.lock"):
            left.unlink()  # a killed git's: we hold the worktree, so nobody else can be using them
        (path / ".git").unlink(missing_ok=True)
        (path / ".git").write_bytes(marker_of(git_dir))
        git = Repository(git_dir, path)
        if (git_dir / "HEAD").read_text(encoding="utf-8") != f"{commit}\n":
            git.run("update-ref", "--no-deref", "HEAD", commit)
        git.run("read-tree", "--reset", "-u", without_state(git, commit))
        git.run("clean", "-ffdxq")
        return Worktree(path, git, commit, folder_id_of(path))

    def _add(self, name: str, commit: str) -> Path:
        path = self.folder / name
        with git_locked(self._git_lock, "worktree add", self.repository.git_dir):
            self.repository.run("worktree", "add", "--quiet", "--detach", "--no-checkout", str(path), commit)
        git_dir = (path / ".git").read_text(encoding="utf-8").removeprefix("gitdir: ").strip()
        (self.folder / f"{name}.ready").write_text(git_dir, encoding="utf-8")
        return Path(git_dir)

    def _remove(self, name: str) -> None:
        """Also what a killed `worktree add` left: a folder, an entry, or half of one."""
        path = self.folder / name
        for mark in (self.folder / f"{name}.ready", _busy(self.folder / name)):
            mark.unlink(missing_ok=True)
        with git_locked(self._git_lock, "worktree remove", self.repository.git_dir):
            for entry, named in self._registered():
                if named == name:
                    shutil.rmtree(entry, ignore_errors=True)
            remove(path)

    def _registered(self) -> Iterator[tuple[Path, str]]:
        """Our worktrees in the git folder: entry and name. It has the user's too, with any path, and they
        may be pruned as we look.
        """
        here = self.folder.resolve()
        for pointer in (self.repository.git_dir / "worktrees").glob("*/gitdir"):
            with suppress(OSError):
                path = Path(os.fsdecode(pointer.read_bytes()).strip()).parent
                if path.parent.resolve() == here:
                    yield pointer.parent, path.name


def _busy(worktree: Path) -> Path:
    """Is there while somebody works in the worktree, and afterwards if he was killed."""
    return worktree.with_name(f"{worktree.name}.busy")
