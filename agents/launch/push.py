"""Land at a remote: the plan's branch and, if asked, the target."""

from __future__ import annotations

import re

from agents.forge.errors import ForgeAuth, ForgeProtected
from agents.git.refs import branch_ref
from agents.git.repository import NETWORK_SECONDS, Repository, last_line
from agents.launch import refuse_moved
from state.errors import Conflict, RefactoryError, Unavailable
from state.records import Landing

_REJECTED = re.compile(r"^ ! \[(?:remote )?rejected\].*\((.*)\)$", re.MULTILINE)
_FASTER = ("stale info", "fetch first", "non-fast-forward")
_SAID = re.compile(r"^remote: *(?:error: )?(.*?) *$", re.MULTILINE)
_LOGIN_HINT = "does the token or key let you read and push there?"
_LOGIN = re.compile(
    r"^.*(?:Authentication failed|could not read Username|Permission denied|returned error: 403).*$",
    re.MULTILINE,
)


def push(git: Repository, name: str, landing: Landing) -> None:
    """The remote's state is looked at first; git itself refuses what is no fast-forward of the target."""
    target = landing.target_branch
    heads = remote_heads(git, name, landing.branches)
    if _arrived(git, name, heads, landing):
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
    if status and not _arrived_after_all(git, name, landing):
        raise _refusal(name, err, landing)


def _arrived(git: Repository, name: str, heads: dict[str, str], landing: Landing) -> bool:
    return all(_contains(git, name, branch, heads.get(branch), landing.commit) for branch in landing.branches)


def _arrived_after_all(git: Repository, name: str, landing: Landing) -> bool:
    """An answer may be lost on the way back."""
    try:
        return _arrived(git, name, remote_heads(git, name, landing.branches), landing)
    except RefactoryError as error:
        raise Unavailable(
            f"git push to {name} failed, and whether it arrived is not known: {error.message}",
            "launch again: what is there already is not pushed twice",
        ) from None


def _refusal(name: str, err: str, landing: Landing) -> RefactoryError:
    """All or nothing (`--atomic`), and it is not there: so nothing was pushed."""
    rejected = _REJECTED.search(err)
    if rejected and rejected[1] in _FASTER:
        target = landing.target_branch
        first = f"bring {target} here (`{pull(name, target)}`), then " if target in landing.branches else ""
        return Conflict(
            f"git push to {name} was refused: somebody else pushed meanwhile ({rejected[1]})",
            f"nothing was pushed; {first}{'reconcile, review and ' if first else ''}launch again",
        )
    if rejected:
        said = "; ".join(line for line in _SAID.findall(err) if line)
        return ForgeProtected(
            f"git push to {name} was refused: {rejected[1]}" + (f": {said[:500]}" if said else ""),
            "nothing was pushed; a rule of the remote is in the way: launch --as pull-request may be what it wants",
        )
    if denied := _LOGIN.search(err):
        return ForgeAuth(f"git push to {name}: {denied[0]}", f"nothing was pushed; {_LOGIN_HINT}")
    return Unavailable(f"git push to {name} was refused: {last_line(err)}", "nothing was pushed")


def pull(name: str, target: str) -> str:
    """How people bring a remote's branch into their own, which the next combination starts from."""
    return f"git switch {target} && git pull {name} {target}"


def _target_lease(git: Repository, name: str, target: str, head: str | None, landing: Landing) -> list[str]:
    """Options that let git itself see to it that a branch to be made is still not there."""
    if head is None and all(branch.startswith("refactory/") for branch in remote_heads(git, name, ["*"])):
        return [f"--force-with-lease={branch_ref(target)}:"]  # the remote is new
    if head is None:
        raise Conflict(f"{name} has no branch {target}", f"push it once: git push {name} {target}")
    if head != landing.commit:
        _refuse_behind(git, name, target, head, landing.before)
        refuse_moved(f"{target} at {name}", head, landing.before, pull(name, target))
    return []


def _refuse_behind(git: Repository, name: str, target: str, head: str, before: str) -> None:
    """Commits of the user's that are not pushed yet: to pull brings nothing, and to publish them is not for us."""
    if head != before and git.is_ancestor(head, before):
        raise Conflict(
            f"{target} at {name} is at {head[:12]}, behind {before[:12]} that the combination was tested on",
            f"push what {target} had here, then launch again: git push {name} {before[:12]}:{target}",
        )


def remote_heads(git: Repository, name: str, branches: list[str]) -> dict[str, str]:
    status, out, err = git.attempt(
        "ls-remote", "--quiet", "--", name, *map(branch_ref, branches), seconds=NETWORK_SECONDS
    )
    if status:
        if denied := _LOGIN.search(err):
            raise ForgeAuth(f"can't read the remote {name}: {denied[0]}", _LOGIN_HINT)
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
