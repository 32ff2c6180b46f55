"""The one pull request of a plan: found and updated, or opened."""

from __future__ import annotations

from agents.forge.errors import ForgeError
from agents.forge.patience import patiently
from agents.forge.protocol import Forge, PullRequest, Wanted
from state.config import Forge as Settings


def propose(forge: Forge, wanted: Wanted, settings: Settings) -> PullRequest:
    """Every try looks first: an answer that was lost must not make a second one."""

    def once() -> PullRequest:
        found = there(forge, wanted)
        if found is None:
            return forge.create(wanted)
        return found if found.state == "merged" else forge.update(found.number, wanted)

    return patiently(settings, once)


def there(forge: Forge, wanted: Wanted) -> PullRequest | None:
    """The open one, or the merged one of this very commit. One that was closed by hand stays closed."""
    found = forge.pull_requests(wanted.head, wanted.base)
    merged = (one for one in found if one.state == "merged" and one.commit == wanted.commit)
    return next((one for one in found if one.state == "open"), None) or next(merged, None)


def dress(
    forge: Forge, pull: PullRequest, labels: list[str], reviewers: list[str], settings: Settings
) -> None:
    """Labels and reviewers. What fails is said together with where the pull request is: it is open by now."""
    try:
        if labels:
            patiently(settings, lambda: forge.label(pull.number, labels))
        if reviewers:
            patiently(settings, lambda: forge.ask_review(pull.number, reviewers))
    except ForgeError as error:
        error.add(f"{pull.url} is open, but not as it should be")
        raise


def merge(forge: Forge, pull: PullRequest, wanted: Wanted, settings: Settings) -> None:
    def once() -> None:
        found = there(forge, wanted)
        if found is None or found.state != "merged":
            forge.merge(pull.number, wanted.commit, settings.merge_method)

    try:
        patiently(settings, once)
    except ForgeError as error:
        error.add(f"{pull.url} is open and not merged")
        error.hint = error.hint or "merge it there, or launch again when its rules allow it"
        raise
