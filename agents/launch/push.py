"""Land at a remote: the plan's branch and, if asked, the target."""

from __future__ import annotations

from agents.git import NETWORK_SECONDS, Repository, last_line
from agents.launch import refuse_moved
from agents.refs import branch_ref
from agents.workspace import Workspace
from state.errors import Conflict, Unavailable
from state.records import Landing


def push(workspace: Workspace, name: str, landing: Landing) -> None:
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
        refuse_moved(f"{target} at {name}", head, landing.before)
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
