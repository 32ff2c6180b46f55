"""Lands the reviewed combination: in the local target branch, or at a remote. Never by force."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from agents.audit_mirror import checkpoint
from agents.coder import diffstat
from agents.completion import close
from agents.follow import following, undo_killed
from agents.git import NETWORK_SECONDS, Repository, last_line
from agents.git_lock import git_locked
from agents.orchestrator import latest, pinned, remote_url
from agents.refs import branch_ref
from agents.workspace import Workspace, local
from state.errors import Conflict, Unavailable
from state.keys import number_of
from state.lifecycle import move
from state.location import Location, git_dir_of
from state.records import Landing, Launch, Orchestration, Outcome, Plan, Review, Task
from state.store import Store


def landing(
    store: Store, plan: Plan, how: Literal["merge", "push"], remote: str | None, push_target: bool
) -> tuple[Landing, Review]:
    """What a launch would do. Raises Conflict unless exactly this commit is combined, tested and approved."""
    orchestration = latest(store, plan)
    outcome, review = _approved(store, plan, orchestration)
    repository = Repository(store.location.git_dir, top=store.location.root)
    target = orchestration.target_branch
    name = (remote or store.config.remote or "origin") if how == "push" else None
    pushed = [outcome.branch, *([target] if push_target else [])]
    return Landing(
        how=how,
        target_branch=target,
        remote=remote_url(repository, name),
        before=outcome.onto,
        commit=outcome.commit,
        branches=[target] if how == "merge" else pushed,
        diffstat=diffstat(repository, outcome.onto, outcome.commit),
    ), review


def launch(store: Store, plan: Plan, landing: Landing, review: Review, remote: str | None) -> Launch:
    """Land it, unless it is there already: a record is no proof, as branches can be reset."""
    workspace = local(store, landing.remote)
    if landing.how == "merge":
        _merge(store.location, workspace, landing)
    else:
        _push(workspace, remote or store.config.remote or "origin", landing)
    recorded = _record(store, plan, landing, review)
    checkpoint(store)
    return recorded


def _approved(store: Store, plan: Plan, orchestration: Orchestration) -> tuple[Outcome, Review]:
    number = number_of(plan.key)
    outcome = orchestration.outcome
    if outcome is None or not outcome.landed:
        raise Conflict(
            f"plan {number} has no combination to launch", f"`refactory reconcile {number}` comes first"
        )
    reviews = store.all(Review, lambda review: review.plan == plan.key and review.commit == outcome.commit)
    if not reviews:
        raise Conflict(
            f"the combination of plan {number} is not reviewed", f"`refactory review {number}` comes first"
        )
    if reviews[-1].verdict == "rejected":
        raise Conflict(
            f"the review of plan {number} rejected it", f"`refactory plan:status {number}` says more"
        )
    return outcome, reviews[-1]


def _merge(location: Location, workspace: Workspace, landing: Landing) -> None:
    """Fast-forward the local target. A working tree that is on it follows, its own changes untouched."""
    git, target = workspace.repository, landing.target_branch
    folders = _checked_out(git, location, target)
    git_dirs = [git.git_dir, *filter(None, map(git_dir_of, folders))]
    with git_locked(workspace.git_lock, "launch", *git_dirs):
        head = pinned(git, target)
        undo_killed(git, location.private, head)
        if git.is_ancestor(landing.commit, head):
            return
        _refuse_moved(target, head, landing.before)
        with following(location.private, folders, head, landing.commit):
            git.update_ref(branch_ref(target), landing.commit, head)


def _refuse_moved(target: str, head: str | None, before: str) -> None:
    if head != before:
        raise Conflict(
            f"{target} has moved to {(head or 'nothing')[:12]} since the combination was tested on {before[:12]}",
            "reconcile and review again: the combination is redone on the new head",
        )


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


def _push(workspace: Workspace, name: str, landing: Landing) -> None:
    """The remote's state is looked at first; git itself refuses what is no fast-forward of the target."""
    git, target = workspace.repository, landing.target_branch
    heads = _remote_heads(git, name, landing.branches)
    if all(_contains(git, name, branch, heads.get(branch), landing.commit) for branch in landing.branches):
        return
    plan_branch = landing.branches[0]
    specs = [f"+{landing.commit}:{branch_ref(plan_branch)}"]
    leases = [f"--force-with-lease={branch_ref(plan_branch)}:{heads.get(plan_branch, '')}"]
    if target in landing.branches:
        leases += _target_lease(git, name, target, heads.get(target), landing)
        specs.append(f"{landing.commit}:{branch_ref(target)}")
    status, _, err = git.attempt(
        "push", "--quiet", "--atomic", "--no-verify", *leases, "--", name, *specs, seconds=NETWORK_SECONDS
    )
    if status:
        raise Unavailable(f"git push to {name} was refused: {last_line(err)}", "nothing was pushed")


def _target_lease(git: Repository, name: str, target: str, head: str | None, landing: Landing) -> list[str]:
    """Options that let git itself see to it that a branch to be made is still not there."""
    if head is None and all(branch.startswith("refactory/") for branch in _remote_heads(git, name, ["*"])):
        return [f"--force-with-lease={branch_ref(target)}:"]  # the remote is new
    if head is None:
        raise Conflict(f"{name} has no branch {target}", f"push it once: git push {name} {target}")
    if head != landing.commit:
        _refuse_moved(f"{target} at {name}", head, landing.before)
    return []


def _remote_heads(git: Repository, name: str, branches: list[str]) -> dict[str, str]:
    status, out, err = git.attempt(
        "ls-remote", "--quiet", "--", name, *map(branch_ref, branches), seconds=NETWORK_SECONDS
    )
    if status:
        raise Unavailable(f"can't read the remote {name}: {last_line(err)}", "`git ls-remote` shows the same")
    rows = (line.split("\t", 1) for line in out.decode().splitlines())
    return {ref.removeprefix("refs/heads/"): commit for commit, ref in rows}


def _contains(git: Repository, name: str, branch: str, head: str | None, commit: str) -> bool:
    """Whether a remote's branch has the commit; somebody may have pushed more on top of it."""
    if head is None or head == commit or git.is_ancestor(commit, head):
        return head is not None
    args = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", name, branch_ref(branch))
    git.attempt(*args, seconds=NETWORK_SECONDS)
    return git.is_ancestor(commit, head)


def _record(store: Store, plan: Plan, landing: Landing, review: Review) -> Launch:
    with store.transaction("launch") as changes:
        done = changes.all(Launch, lambda launch: launch.plan == plan.key and launch.landing == landing)
        if done:
            return done[-1]
        orchestration = changes.get(Orchestration, review.orchestration)
        for key in _arrived(orchestration.outcome):
            task = changes.get(Task, key)
            if task.state == "completed":
                changes.put(move(task, "merged"))
        close(changes, changes.get(Plan, plan.key))
        return changes.new(
            Launch, plan=plan.key, orchestration=orchestration.key, review=review.key, landing=landing
        )


def _arrived(outcome: Outcome | None) -> list[str]:
    """What landed, and what was left out only because all it does is there already."""
    if outcome is None:
        return []
    empty = [ejected.task for ejected in outcome.ejected if ejected.reason == "empty"]
    return [*(landed.task for landed in outcome.landed), *empty]
