"""One worktree: what is in it, for a commit that Refactory makes."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agents.git.diff import Changed, changes
from agents.git.repository import GitError, Repository
from agents.worktrees.intake import refuse_unfit
from agents.worktrees.nested import dissolve_repositories, new_gitlinks, self_hidden
from agents.worktrees.newly_ignored import for_record, newly_ignored, tree_with
from agents.worktrees.state_tree import STATE_FOLDER, is_state, with_state_of, without_state
from state.config import MOST_BYTES
from state.errors import WorkFailed


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
            if folder_id_of(self.path) == self.folder_id:
                self._refuse_redirected()
                refuse_unfit(self.git, self.path, self.commit, self.most)
                return self._snapshot()
        raise WorkFailed(
            "the working folder itself was moved, removed or replaced; change only what is in it"
        )

    def _refuse_redirected(self) -> None:
        marker, as_made = self.path / ".git", marker_of(self.git.git_dir)
        same = not marker.is_symlink() and marker.is_file() and marker.stat().st_size == len(as_made)
        if not same or marker.read_bytes() != as_made:
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


def marker_of(git_dir: Path) -> bytes:
    """What a worktree's `.git` file says (gitrepository-layout(5))."""
    return b"gitdir: " + os.fsencode(git_dir) + b"\n"


def folder_id_of(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
