"""Land in the local target branch; a working tree that is on it follows."""

from __future__ import annotations

import os
from pathlib import Path

from agents.git.lock import git_locked
from agents.git.refs import branch_ref
from agents.git.repository import GitError, Repository
from agents.git.target import pinned
from agents.launch import refuse_moved
from agents.worktrees.follow import following, undo_killed
from agents.worktrees.workspace import Workspace
from state.location import Location, git_dir_of
from state.records import Landing


def merge(location: Location, workspace: Workspace, landing: Landing) -> None:
    """Fast-forward the local target. A working tree that is on it follows, its own changes untouched."""
    git, target = workspace.repository, landing.target_branch
    folders = _checked_out(git, location, target)
    git_dirs = [git.git_dir, *filter(None, map(git_dir_of, folders))]
    with git_locked(workspace.git_lock, "launch", *git_dirs):
        head = pinned(git, target)
        undo_killed(git, location.private, head)
        if git.is_ancestor(landing.commit, head):
            return
        refuse_moved(target, head, landing.before)
        with following(location.private, folders, head, landing.commit):
            _moved(git, landing, head)


def _moved(git: Repository, landing: Landing, head: str) -> None:
    """Whoever moves the target without our lock may be faster than we are since we looked."""
    try:
        git.update_ref(branch_ref(landing.target_branch), landing.commit, head)
    except GitError:
        refuse_moved(landing.target_branch, pinned(git, landing.target_branch), landing.before)
        raise


def _checked_out(git: Repository, location: Location, branch: str) -> list[Path]:
    """The working trees that are on the branch (git-worktree(1), `list --porcelain`)."""
    blocks = [block.split("\0") for block in git.run("worktree", "list", "--porcelain", "-z").split("\0\0")]
    folders = [Path(lines[0].removeprefix("worktree ")) for lines in blocks]
    folders[0] = _main_tree(git, location, folders[0])
    return [
        folder
        for folder, lines in zip(folders, blocks, strict=True)
        if f"branch {branch_ref(branch)}" in lines
    ]


def _main_tree(git: Repository, location: Location, listed: Path) -> Path:
    """Git lists the git folder itself where that is not in the working tree: in a submodule, for example."""
    if location.own_git_dir == location.git_dir:
        return location.root
    status, configured, _ = git.attempt("config", "core.worktree")
    return listed if status else git.git_dir / os.fsdecode(configured).rstrip("\n")
