"""Land by a pull request: push the plan's branch, open or update the one request, and, if asked, see it through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypedDict

from agents.forge import connect
from agents.forge.body import body, title
from agents.forge.ci import wait_for_ci
from agents.forge.place import place_of
from agents.forge.proposal import dress, merge, propose
from agents.forge.protocol import PullRequest, Wanted
from agents.forge.token import for_git, token_for
from agents.git.repository import Repository
from agents.git.target import remote_url
from agents.launch.push import push, remote_heads
from state.errors import Conflict, UsageError
from state.records import CiState, Landing, Orchestration, Plan, Request, Review
from state.store import Store


class Known(TypedDict, total=False):
    """Fields of the launch's record, as they come to be known."""

    pr_url: str | None
    ci: CiState | None
    merged: bool
    comment_url: str | None


@dataclass(frozen=True)
class Wishes:
    """What the caller wants of a pull request, beside what the configuration says."""

    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    wait_ci: bool = False
    merge_when_green: bool = False


PLAIN = Wishes()


def pull_request(
    store: Store, plan: Plan, landing: Landing, review: Review, remote: str, wishes: Wishes
) -> Iterator[Known]:
    """Each step looks at what is there first, so that a second launch goes on where one was stopped."""
    settings = store.config.forge
    place = place_of(landing.remote or "", settings)
    forge = connect(place, settings)
    by_token = (landing.remote or "").startswith("http")  # ssh has its own keys
    login = for_git(place, token_for(place, settings)) if by_token else ()
    git = replace(_repository(store), login=login)
    push(git, remote, landing)
    wanted = wanted_for(store, plan, landing, review, wishes)
    pull = propose(forge, wanted, settings)
    yield {"pr_url": pull.url, "merged": pull.state == "merged"}
    if pull.state == "merged":
        return
    labels = [*dict.fromkeys([*settings.labels, *wishes.labels])]
    dress(forge, pull, labels, [*dict.fromkeys([*settings.reviewers, *wishes.reviewers])], settings)
    if not (wishes.wait_ci or wishes.merge_when_green):
        return
    verdict = wait_for_ci(forge, landing.commit, settings)
    yield {"ci": verdict.state}
    if wishes.merge_when_green and verdict.state == "passed":
        target = landing.target_branch
        head = remote_heads(git, remote, [target]).get(target)
        _refuse_moved(pull, f"{target} at {remote}", head, landing.before)
        merge(forge, pull, wanted, settings)
        yield {"merged": True}


def _refuse_moved(pull: PullRequest, target: str, head: str | None, before: str) -> None:
    if head != before:
        raise Conflict(
            f"{pull.url} is open and not merged: {target} has moved since the combination was tested",
            "bring the branch up to date at the forge and merge it there, when its CI has tested that",
        )


def check(store: Store, remote: str | None, wishes: Wishes) -> None:
    """What can be known to be wrong before anything is done, or paid for."""
    settings = store.config.forge
    if wishes.merge_when_green and (wishes.draft or settings.draft):
        raise UsageError("a draft can't be merged", "leave out --draft, or --merge-when-green")
    url = remote_url(_repository(store), remote or store.config.remote or "origin")
    connect(place_of(url or "", settings), settings)


def wanted_for(store: Store, plan: Plan, landing: Landing, review: Review, wishes: Wishes) -> Wanted:
    settings = store.config.forge
    orchestration = store.get(Orchestration, review.orchestration)
    return Wanted(
        head=landing.branches[0],
        base=landing.target_branch,
        commit=landing.commit,
        title=title(store.get(Request, plan.request)),
        body=body(store, plan, orchestration, review, place_of(landing.remote or "", settings)),
        draft=wishes.draft or settings.draft,
    )


def _repository(store: Store) -> Repository:
    return Repository(store.location.git_dir, top=store.location.root)
