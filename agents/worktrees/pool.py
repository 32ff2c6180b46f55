"""A pool of worktrees: a fresh one of a large repository costs seconds, a reused one milliseconds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from agents.git.diff import Changed, changes
from agents.git.lock import git_locked
from agents.git.repository import GitError, Repository
from agents.processes.inhabitants import kill_inhabitants
from agents.worktrees.file_tree import remove
from agents.worktrees.intake import refuse_unfit
from agents.worktrees.nested import dissolve_repositories, new_gitlinks, self_hidden
from agents.worktrees.newly_ignored import for_record, newly_ignored, tree_with
from agents.worktrees.state_tree import STATE_FOLDER, is_state, with_state_of, without_state
from state.config import MOST_BYTES
from state.errors import Busy, RefactoryError, WorkFailed

_MOST = 256  # worktrees of one clone; far above what a machine can run at once


@dataclass(frozen=True)
class Snapshot:
    """All that is in a worktree: its `tree`, with the start commit's `.refactory/`, and what was `changed`.

    `ignored` is left out, as rules say that came with the change; `kept` is a tree that has it, if it is small.
    """

    tree: str
    changed: tuple[Changed, ...]
    ignored: tuple[str, ...] = ()
    kept: str | None = None


@dataclass(frozen=True)
class Worktree:
    """A working tree without `.refactory/`. `git` names its git folder, whatever its `.git` file says."""

    path: Path
    git: Repository
    commit: str
    folder_id: tuple[int, int]
    most: int = MOST_BYTES

    def snapshot(self) -> Snapshot:
        """What is in the folder now.

        Raises WorkFailed if the folder is not the one that was checked out: its files may be anybody's. Also if
        its `.git` is not what it was: whoever worked here may have looked at, or changed, another repository.
        And for more than `most` bytes of changes.
        """
        with suppress(OSError):
            if _folder_id(self.path) == self.folder_id:
                self._refuse_redirected()
                refuse_unfit(self.git, self.path, self.commit, self.most)
                return self._snapshot()
        raise WorkFailed(
            "the working folder itself was moved, removed or replaced; change only what is in it"
        )

    def _refuse_redirected(self) -> None:
        marker = self.path / ".git"
        as_made = (
            not marker.is_symlink() and marker.is_file() and marker.read_bytes() == _marker(self.git.git_dir)
        )
        if not as_made:
            raise WorkFailed(
                "the working folder's .git was removed or redirected; Refactory commits, leave git's files alone"
            )

    def _snapshot(self) -> Snapshot:
        start = without_state(self.git, self.commit)
        tree = self._added()
        changed = changes(self.git, start, tree)
        links = new_gitlinks(changed)
        if links:
            listed = b"".join(os.fsencode(f"{path}\0") for path in links)
            self.git.run("update-index", "--force-remove", "-z", "--stdin", input=listed)
            dissolve_repositories(self.git, self.path, self.commit)
            tree = self._added()
            changed = changes(self.git, start, tree)
        ours = tuple(change for change in changed if not is_state(change.path))
        ignored = newly_ignored(self.git, self.commit, ours)
        kept = tree_with(self.git, self.path, tree, ignored) if ignored else None
        return Snapshot(
            tree=with_state_of(self.git, tree, changed, self.commit),
            changed=ours,
            ignored=tuple(for_record(ignored)),
            kept=with_state_of(self.git, kept, changed, self.commit) if kept else None,
        )

    def _added(self) -> str:
        add = ("add", "--all", "--", ".", f":(exclude,top,icase){STATE_FOLDER}")
        status, _, err = self.git.attempt(*add)
        if status:
            if not dissolve_repositories(self.git, self.path, self.commit):
                raise GitError(add, status, err)
            self.git.run(*add)
        hidden = self_hidden(self.git, self.commit)
        if hidden:
            listed = b"".join(os.fsencode(f":(top,literal){path}\0") for path in hidden)
            spec = ("--pathspec-from-file=-", "--pathspec-file-nul")
            self.git.run("add", "--force", *spec, input=listed)
        return self.git.run("write-tree")


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
            try:
                yield replace(worktree, most=most)
            finally:
                kill_inhabitants(worktree.path)

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
        self.folder.mkdir(parents=True, exist_ok=True)
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
        kill_inhabitants(self.folder / name)  # whose agent was killed
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
        (path / ".git").write_bytes(_marker(git_dir))
        git = Repository(git_dir, path)
        if (git_dir / "HEAD").read_text(encoding="utf-8") != f"{commit}\n":
            git.run("update-ref", "--no-deref", "HEAD", commit)
        git.run("read-tree", "--reset", "-u", without_state(git, commit))
        git.run("clean", "-ffdxq")
        return Worktree(path, git, commit, _folder_id(path))

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
        (self.folder / f"{name}.ready").unlink(missing_ok=True)
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


def _marker(git_dir: Path) -> bytes:
    """What a worktree's `.git` file says (gitrepository-layout(5))."""
    return b"gitdir: " + os.fsencode(git_dir) + b"\n"


def _folder_id(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
