"""Land a plan's reviewed combination: merge it here, push it, open a pull request, or run a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from commands._operation import Operation, Params, PlanId
from commands._records_text import left_out
from commands._text import fields
from state.errors import UsageError
from state.keys import number_of
from state.plural import plural
from state.records import Ejected, Landing, Launch, Orchestration, Plan, Review, Way
from state.store import Store

if TYPE_CHECKING:
    from agents.launch.pull_request import Wishes

_WAY = (
    "merge: fast-forward the local target; push: to a remote; pull-request: push, and open or update one on "
    "the forge; command: run launch.command."
)
_Name = Annotated[str, Meta(min_length=1, max_length=255)]


class LaunchParams(Params):
    id: PlanId
    how: Annotated[Way, Meta(description=_WAY, extra={"option": "as"})] = "merge"
    remote: Annotated[str, Meta(min_length=1, description="Where to push. Default: origin.")] | None = None
    push_target: Annotated[bool, Meta(description="push: the target branch, too, not only the plan's.")] = (
        False
    )
    draft: Annotated[bool, Meta(description="pull-request: open it as a draft.")] = False
    labels: Annotated[
        list[_Name],
        Meta(description="pull-request: a label, beside forge.labels.", extra={"option": "label"}),
    ] = []
    reviewers: Annotated[
        list[_Name],
        Meta(description="pull-request: ask NAME, or ORG/TEAM, for a review.", extra={"option": "reviewer"}),
    ] = []
    wait_ci: Annotated[bool, Meta(description="pull-request: wait for the forge's CI.")] = False
    merge_when_green: Annotated[
        bool, Meta(description="pull-request: wait for the forge's CI, and merge if all of it has passed.")
    ] = False
    dry_run: Annotated[bool, Meta(description="Check and show; change nothing.")] = False


class Proposal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The pull request that a dry run would open or update."""

    title: str
    body: str


class Launched(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What lands where, and what does not; `launch` is null after a dry run. `warnings`: what could not be done."""

    landing: Landing
    launch: Launch | None
    left_out: list[Ejected] = []
    proposal: Proposal | None = None
    warnings: list[str] = []


def run(store: Store, params: LaunchParams) -> Launched:
    from agents.launcher import check, landing, launch

    wanted = wishes(params)
    check(store, params.how, params.remote, wanted)
    plan = store.get(Plan, params.id)
    planned, review = landing(store, plan, params.how, params.remote, params.push_target)
    outcome = store.get(Orchestration, review.orchestration).outcome
    out = [one for one in outcome.ejected if one.reason != "empty"] if outcome else []
    if params.dry_run:
        return Launched(
            landing=planned,
            launch=None,
            left_out=out,
            proposal=_proposal(store, plan, planned, review, params),
        )
    done, warnings = launch(store, plan, planned, review, params.remote, wanted)
    return Launched(landing=planned, launch=done, left_out=out, warnings=warnings)


def wishes(params: LaunchParams) -> Wishes:
    from agents.launch.pull_request import Wishes

    if params.how != "push" and params.push_target:
        raise UsageError("--push-target goes with --as push")
    given = params.draft or params.labels or params.reviewers or params.wait_ci or params.merge_when_green
    if params.how != "pull-request" and given:
        raise UsageError(
            "--draft, --label, --reviewer, --wait-ci, --merge-when-green go with --as pull-request"
        )
    return Wishes(
        draft=params.draft,
        labels=tuple(params.labels),
        reviewers=tuple(params.reviewers),
        wait_ci=params.wait_ci,
        merge_when_green=params.merge_when_green,
    )


def _proposal(
    store: Store, plan: Plan, landing: Landing, review: Review, params: LaunchParams
) -> Proposal | None:
    from agents.launch.pull_request import wanted_for

    if params.how != "pull-request":
        return None
    wanted = wanted_for(store, plan, landing, review, wishes(params))
    return Proposal(title=wanted.title, body=wanted.body)


def exit_code(launched: Launched) -> int:
    """What CI says goes first: 8 is for a CI that has said nothing, so far."""
    ci = launched.launch.ci if launched.launch else None
    if ci in ("failed", "pending", "none"):
        return 1 if ci == "failed" else 8
    return 7 if launched.launch and launched.left_out else 0


def text(launched: Launched) -> str:
    landing, stat, done = launched.landing, launched.landing.diffstat, launched.launch
    return fields(
        [
            ("launch", done and number_of(done.key)),
            ("dry run", None if done else "nothing was changed"),
            ("as", landing.how),
            ("remote", landing.remote),
            ("branches", landing.branches),
            ("from", landing.before),
            ("to", landing.commit),
            ("pull request", done and done.pr_url),
            ("CI", done and done.ci and _CI[done.ci]),
            ("merged", "yes" if done and done.merged else None),
            ("issue", done and done.comment_url),
            ("left out", left_out(launched.left_out)),
            ("changes", stat and f"{plural(stat.files, 'file')}, +{stat.insertions} -{stat.deletions}"),
            ("warnings", "\n".join(launched.warnings)),
            ("title", launched.proposal and launched.proposal.title),
            ("body", launched.proposal and launched.proposal.body),
        ]
    )


_CI = {
    "passed": "passed",
    "failed": "failed",
    "pending": "not done within forge.ciSeconds: launch again to wait on",
    "none": "the forge knows of no check within forge.ciStartSeconds: is there a CI?",
}


OPERATION = Operation(run, LaunchParams, "POST /plans/{id}/launch", text, exit_code=exit_code)
