"""Lands the reviewed combination: in the local target branch, or at a remote. Never by force."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from agents.audit.mirror import checkpoint
from agents.forge.issues import tell_issue
from agents.git.diff import diffstat
from agents.git.refs import branch_ref
from agents.git.repository import Repository
from agents.git.target import remote_url
from agents.launch.command import checked, command
from agents.launch.intent import forget, intended, left_by_killed
from agents.launch.merge import merge
from agents.launch.pull_request import PLAIN, Known, Wishes, pull_request
from agents.launch.pull_request import check as check_forge
from agents.launch.push import push
from agents.orchestrator import latest
from agents.tasks.closing import close
from agents.worktrees.workspace import local
from state.errors import Conflict
from state.keys import number_of
from state.lifecycle import move
from state.records import Landing, Launch, Orchestration, Outcome, Plan, Review, Task, Way
from state.store import Store


def landing(
    store: Store, plan: Plan, how: Way, remote: str | None, push_target: bool
) -> tuple[Landing, Review]:
    """What a launch would do. Raises Conflict unless exactly this commit is combined, tested and approved."""
    orchestration = latest(store, plan)
    outcome, review = _approved(store, plan, orchestration)
    repository = Repository(store.location.git_dir, top=store.location.root)
    target = orchestration.target_branch
    name = (remote or store.config.remote or "origin") if how in ("push", "pull-request") else None
    pushed = [outcome.branch, *([target] if push_target else [])]
    branches = {"merge": [target], "command": []}.get(how, pushed)
    return Landing(
        how=how,
        target_branch=target,
        remote=remote_url(repository, name),
        before=outcome.onto,
        commit=outcome.commit,
        branches=branches,
        diffstat=diffstat(repository, outcome.onto, outcome.commit),
    ), review


def check(store: Store, how: Way, remote: str | None, wishes: Wishes = PLAIN) -> None:
    """What can be known to be wrong before anything is done, or a model is paid."""
    if how == "command":
        checked(store.config.launch)
    elif how == "pull-request":
        check_forge(store, remote, wishes)
    elif how == "push":
        repository = Repository(store.location.git_dir, top=store.location.root)
        remote_url(repository, remote or store.config.remote or "origin")


def launch(
    store: Store, plan: Plan, landing: Landing, review: Review, remote: str | None, wishes: Wishes = PLAIN
) -> tuple[Launch, list[str]]:
    """Land it, unless it is there already: a record is no proof, as branches can be reset.

    Returns what could not be done beside it, too.
    """
    name = remote or store.config.remote or "origin"
    with intended(store.location.private, plan.key, landing, review.key):
        for known in _land(store, plan, landing, review, name, wishes):
            recorded = _record(store, plan, landing, review, known)
    url, warning = tell_issue(store, recorded)
    if url:
        recorded = _record(store, plan, landing, review, {"comment_url": url})
    checkpoint(store)
    return recorded, [warning] if warning else []


def _land(
    store: Store, plan: Plan, landing: Landing, review: Review, remote: str, wishes: Wishes
) -> Iterator[Known]:
    """What is known each time that there is something to record."""
    if landing.how == "pull-request":
        yield from pull_request(store, plan, landing, review, remote, wishes)
        return
    workspace = local(store, landing.remote)
    if landing.how == "merge":
        merge(store.location, workspace, landing)
    elif landing.how == "push":
        push(workspace.repository, remote, landing)
    else:
        command(store, workspace, plan, landing)
    yield {}


def finish_killed(store: Store, plan: Plan) -> bool:
    """Record a merge that a killed launch had made already. A push has nothing to show here: it is launched again."""
    private = store.location.private
    intent = left_by_killed(private, plan.key)
    if intent is None:
        return False
    git, landing = Repository(store.location.git_dir), intent.landing
    head = git.resolve(branch_ref(landing.target_branch))
    landed = landing.how == "merge" and head is not None and git.is_ancestor(landing.commit, head)
    if landed:
        _record(store, plan, landing, store.get(Review, intent.review), {})
    forget(private, plan.key)
    return landed


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


def _record(store: Store, plan: Plan, landing: Landing, review: Review, known: Known) -> Launch:
    with store.transaction("launch") as changes:
        done = changes.all(Launch, lambda launch: launch.plan == plan.key and launch.landing == landing)
        if done:
            now = replace(done[-1], **known)
            return done[-1] if now == done[-1] else changes.put(now)
        orchestration = changes.get(Orchestration, review.orchestration)
        for key in _arrived(orchestration.outcome):
            task = changes.get(Task, key)
            if task.state == "completed":
                changes.put(move(task, "merged"))
        close(changes, changes.get(Plan, plan.key))
        return changes.new(
            Launch,
            plan=plan.key,
            orchestration=orchestration.key,
            review=review.key,
            landing=landing,
            **known,
        )


def _arrived(outcome: Outcome | None) -> list[str]:
    """What landed, and what was left out only because all it does is there already."""
    if outcome is None:
        return []
    empty = [ejected.task for ejected in outcome.ejected if ejected.reason == "empty"]
    return [*(landed.task for landed in outcome.landed), *empty]
