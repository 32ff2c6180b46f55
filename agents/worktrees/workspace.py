"""Where an agent gets code from and puts it: this clone, or a mirror of the orchestration's remote."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from agents.git.lock import git_locked, lock_of
from agents.git.refs import attempt_ref, backup_ref, branch_ref, task_branch
from agents.git.repository import NETWORK_SECONDS, GitError, Repository, last_line
from agents.worktrees.pool import Pool
from state.config import Config
from state.errors import Conflict, RefactoryError, Unavailable
from state.location import Location, user_cache
from state.lock import locked
from state.records import Orchestration, Task
from state.store import Store

# Where a fetch puts a branch's head until it is known; its own ref each, as nothing is locked meanwhile.
ARRIVING = "refs/refactory/arriving/"


class Workspace:
    """`private`: logs and locks. `remote` is None where all agents share this clone."""

    def __init__(self, repository: Repository, private: Path, cache: Path, remote: str | None) -> None:
        self.repository = repository
        self.private = private
        self.cache = cache
        self.remote = remote

    @cached_property
    def pool(self) -> Pool:
        return Pool(self.repository, self.cache / "worktrees", self.git_lock)

    @property
    def git_lock(self) -> Path:
        """Everything that touches the shared git folder goes through it: git's own locks fail, not wait."""
        return lock_of(self.private)

    def logs(self, task: str, attempt: int) -> Path:
        folder = self.private / "logs" / task / str(attempt)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def has(self, commit: str) -> bool:
        try:
            return bool(self.repository.tree(commit))
        except GitError:
            return False

    def bring(self, commit: str, branch: str | None) -> None:
        """Make sure that the commit is here; fetch it if it is not. Raises Conflict if it can't be had."""
        if self.has(commit):
            return
        if self.remote is None or branch is None:
            raise Conflict(
                f"commit {commit[:12]} is not in this repository", "orchestrate with --remote to share code"
            )
        if not self._fetch(attempt_ref(branch, commit), branch):
            self.fetch(branch)  # an agent from outside has its own ways
        if not self.has(commit):
            raise Conflict(f"commit {commit[:12]} is not on {branch} at {self.remote}", "push it first")

    def fetch(self, branch: str) -> str | None:
        """The branch's head at the remote, its objects brought here; None if there is no such branch."""
        return self._fetch(branch_ref(branch), branch)

    def _fetch(self, ref: str, branch: str) -> str | None:
        if self.remote is None:
            return None
        arrived = f"{ARRIVING}{int(time.time())}-{token_hex(4)}"
        spec = f"{ref}:{arrived}"
        args = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self.remote, spec)
        status, _, err = self.repository.attempt(*args, seconds=NETWORK_SECONDS)
        if status and "couldn't find remote ref" in err:
            return None
        if status:
            raise Unavailable(f"git fetch from {self.remote}: {last_line(err)}")
        with git_locked(self.git_lock, "git update-ref", self.repository.git_dir):
            commit = self.repository.run("rev-parse", "--verify", arrived)
            self._set_ref(f"refs/refactory/remote/{branch}", commit)
            for ref in [arrived, *self._left_by_killed_fetches()]:
                self.repository.run("update-ref", "-d", ref)
        return commit

    def _left_by_killed_fetches(self) -> list[str]:
        found = self.repository.run("for-each-ref", "--format=%(refname)", ARRIVING).split()
        return list(filter(is_left_by_fetch, found))

    def _set_ref(self, ref: str, commit: str, instead: str | None = None) -> None:
        """Under the git lock, and for refs of ours only: whoever left a lock on one is gone.

        `instead` goes in the same step, if it is there.
        """
        args, changes = self._ref_change("update", ref, commit, instead)
        self.repository.run(*args, input=changes)

    def _new_ref(self, ref: str, commit: str, instead: str) -> bool:
        """The same for a ref that is not there yet; False if it is."""
        args, changes = self._ref_change("create", ref, commit, instead)
        return self.repository.attempt(*args, input=changes)[0] == 0

    def _ref_change(
        self, verb: str, ref: str, commit: str, instead: str | None
    ) -> tuple[tuple[str, ...], bytes]:
        changes = f"{verb} {ref} {commit}\n"
        if instead:
            changes += f"delete {instead}\n"
        for name in (ref, instead):
            _remove_stale_lock(self.repository.git_dir / f"{name}.lock")
        return ("update-ref", "-m", "refactory", "--stdin"), changes.encode()

    def set_branch(self, branch: str, commit: str, owner: str) -> None:
        """Move one of our branches; what it pointed to is backed up unless it is in the new history."""
        with git_locked(self.git_lock, "git update-ref", self.repository.git_dir):
            self.move_branch(branch, commit, owner)

    def move_branch(self, branch: str, commit: str, owner: str) -> None:
        """The same for who holds the git lock. Raises Conflict for a branch that is checked out somewhere."""
        ref = branch_ref(branch)
        if self._new_ref(ref, commit, attempt_ref(branch, commit)):
            return  # as nearly always: one run of git, not two
        old = self.repository.resolve(ref)
        if old and old != commit and not self.repository.is_ancestor(old, commit):
            self._set_ref(backup_ref(owner, old), old)
        if old and old != commit:
            self._refuse_checked_out(branch)
        self._set_ref(ref, commit, instead=attempt_ref(branch, commit))

    def _refuse_checked_out(self, branch: str) -> None:
        for block in self.repository.run("worktree", "list", "--porcelain", "-z").split("\0\0"):
            folder, *lines = block.split("\0")
            if f"branch {branch_ref(branch)}" in lines:
                raise Conflict(
                    f"{branch} is checked out in {folder.removeprefix('worktree ')}, so it can't be moved",
                    "switch to another branch there, then try again",
                )

    def keep(self, owner: str, commit: str) -> None:
        """Back up a commit that no branch of ours points to."""
        with git_locked(self.git_lock, "git update-ref", self.repository.git_dir):
            instead = attempt_ref(task_branch(owner), commit)
            self._set_ref(backup_ref(owner, commit), commit, instead)

    def offer(self, branch: str, commit: str) -> None:
        """Have a commit at a ref of its own, here and at the remote: for who is told of it."""
        ref = attempt_ref(branch, commit)
        with git_locked(self.git_lock, "git update-ref", self.repository.git_dir):
            self._set_ref(ref, commit)
        if self.remote:
            self.push(commit, ref)

    def share(self, branch: str, commit: str) -> None:
        """What a task is to start from, for agents that work elsewhere: they look for it beside its branch."""
        if self.remote:
            with suppress(Unavailable):  # who works in this clone has it all the same
                self.push(commit, attempt_ref(branch, commit))

    def push(self, commit: str, ref: str, expected: str | None = None) -> None:
        """Set a ref at the remote; with `expected` only if it is that (empty: if it is not there)."""
        lease = [] if expected is None else [f"--force-with-lease={ref}:{expected}"]
        args = ("push", "--quiet", "--no-verify", *lease, "--", self.remote or "", f"{commit}:{ref}")
        status, _, err = self.repository.attempt(*args, seconds=NETWORK_SECONDS)
        if status:
            raise Unavailable(f"git push to {self.remote}: {last_line(err)}")

    def remote_head(self, branch: str) -> str:
        """The branch's commit at the remote; empty if there is none."""
        args = ("ls-remote", "--quiet", "--", self.remote or "", branch_ref(branch))
        status, out, err = self.repository.attempt(*args, seconds=NETWORK_SECONDS)
        if status:
            raise Unavailable(f"can't read the remote {self.remote}: {last_line(err)}")
        return out.decode().partition("\t")[0]


def is_left_by_fetch(ref: str) -> bool:
    """Of a fetch that can't be running any more: its name begins with when it began."""
    began = ref.removeprefix(ARRIVING).partition("-")[0]
    running = began.isdigit() and int(began) >= time.time() - 2 * NETWORK_SECONDS
    return ref.startswith(ARRIVING) and not running


def _remove_stale_lock(path: Path) -> None:
    """A killed git's, on a ref of ours: we hold the git lock, and no update of a ref takes seconds."""
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > 3:
            path.unlink()


def local(store: Store, remote: str | None = None) -> Workspace:
    """This clone's workspace."""
    return _clone(store.config, store.location, remote)


def _clone(config: Config, location: Location, remote: str | None) -> Workspace:
    """A configured folder may be committed, so each clone has its own folder in it."""
    cache = location.cache
    if config.worktrees:
        name = sha256(os.fsencode(location.git_dir.resolve())).hexdigest()[:16]
        cache = (location.root / Path(config.worktrees).expanduser()).resolve() / name
    return Workspace(Repository(location.git_dir, top=location.root), location.private, cache, remote)


def mirror(remote: str) -> Workspace:
    """For an agent without the repository: a bare clone in the cache, filled as commits are asked for."""
    folder = user_cache() / f"mirror-{sha256(remote.encode()).hexdigest()[:16]}"
    git_dir = folder / "repository.git"
    with locked(folder / "lock", "git init"):
        if not (git_dir / "HEAD").exists():
            git_dir.mkdir(parents=True, exist_ok=True)
            Repository(git_dir).run("init", "--quiet", "--bare", str(git_dir))
    return Workspace(Repository(git_dir), folder, folder, remote)


def for_claim(config: Config, location: Location | None, orchestration: Orchestration) -> Workspace:
    """The clone the agent runs in, or a mirror of the remote."""
    if location is not None:
        return _clone(config, location, orchestration.remote)
    if orchestration.remote is None:
        raise RefactoryError(
            "this orchestration names no git remote, so its code can't be had from here",
            "orchestrate with --remote origin, and push the target branch",
        )
    return mirror(orchestration.remote)


def branch_head(store: Store, task_id: str, branch: str) -> str:
    """A reported branch's commit, here or at the orchestration's remote. Raises Conflict if it is nowhere."""
    task = store.get(Task, task_id)
    orchestration = store.find(Orchestration, task.orchestration) if task.orchestration else None
    workspace = local(store, orchestration.remote if orchestration else None)
    try:
        commit = workspace.fetch(branch) or workspace.repository.resolve(branch_ref(branch))
    except (GitError, Unavailable):
        commit = workspace.repository.resolve(branch_ref(branch))
    if commit is None:
        raise Conflict(f"no branch {branch!r} here or at the remote", "push it first, or give --commit")
    return commit
