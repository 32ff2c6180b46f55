"""From an issue to a request, and back: what became of it is said there."""

from __future__ import annotations

from agents.forge import connect
from agents.forge.patience import patiently
from agents.forge.place import Place, issue_place, place_of
from agents.forge.protocol import Comment, Forge, Issue
from agents.git.repository import Repository
from agents.git.target import remote_url
from state.errors import RefactoryError
from state.keys import number_of
from state.records import Launch, Orchestration, Plan, Request
from state.store import Store


def read_issue(store: Store, issue: str, remote: str | None) -> Issue:
    """`issue` is a URL, or a number (`12`, `#12`) in the remote's repository."""
    settings = store.config.forge
    number = issue.removeprefix("#")
    if number.isdecimal():
        repository = Repository(store.location.git_dir, top=store.location.root)
        place = place_of(remote_url(repository, remote or store.config.remote or "origin") or "", settings)
        found = int(number)
    else:
        place, found = issue_place(issue, settings)
    forge = connect(place, settings)
    return patiently(settings, lambda: forge.issue(found))


def tell_issue(store: Store, launch: Launch) -> tuple[str | None, str]:
    """The comment's URL, and what went wrong instead: what has landed stays landed."""
    plan = store.get(Plan, launch.plan)
    request = store.get(Request, plan.request)
    if not request.issue:
        return None, ""
    settings = store.config.forge
    try:
        place, number = issue_place(request.issue, settings)
        forge = connect(place, settings)
        text = _text(store, plan, launch, place)
        return patiently(settings, lambda: _said(forge, number, plan.key, text)).url, ""
    except RefactoryError as error:
        return None, f"{request.issue} was not told: {error.message}"


def _said(forge: Forge, issue: int, plan: str, text: str) -> Comment:
    """One comment for each plan: found by its mark, and kept up to date."""
    mark = f"<!-- refactory: plan {plan} -->"
    body = f"{text}\n\n{mark}"
    there = next((comment for comment in forge.comments(issue) if mark in comment.body), None)
    if there is None:
        return forge.add_comment(issue, body)
    return there if there.body == body else forge.edit_comment(issue, there.id, body)


def _text(store: Store, plan: Plan, launch: Launch, place: Place) -> str:
    landing = launch.landing
    outcome = store.get(Orchestration, launch.orchestration).outcome
    assert outcome is not None
    if launch.pr_url:
        what = f"{'Merged' if launch.merged else 'Opened'}: {launch.pr_url}"
    elif landing.how == "command":
        what = f"Launched: {landing.commit}"
    else:
        what = f"Landed in {' and '.join(f'`{branch}`' for branch in landing.branches)}: {landing.commit}"
    left = [one for one in outcome.ejected if one.reason != "empty"]
    some = f" {len(outcome.landed)} of its tasks are in it, {len(left)} were left out." if left else ""
    return f"{what} (plan {number_of(plan.key)}).{some}"
