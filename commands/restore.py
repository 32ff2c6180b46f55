"""List what is kept at backup refs; with a commit, bring it back as a branch."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from agents.worktrees.backups import Kept
from commands._operation import Operation, Params
from commands._text import table
from state.keys import number_of
from state.store import Store


class RestoreParams(Params):
    commit: (
        Annotated[str, Meta(description="A backup's commit (its first digits) or ref.", min_length=1)] | None
    ) = None
    branch: (
        Annotated[str, Meta(description="The new branch. Default: restored/COMMIT.", min_length=1)] | None
    ) = None


class Restored(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The backups there are; or the one that was brought back, and the branch that is at it."""

    backups: list[Kept]
    branch: str | None = None


def run(store: Store, params: RestoreParams) -> Restored:
    from agents.worktrees.backups import kept, restore

    if params.commit is None:
        return Restored(backups=kept(store))
    one, branch = restore(store, params.commit, params.branch)
    return Restored(backups=[one], branch=branch)


def text(restored: Restored) -> str:
    if restored.branch:
        return f"branch {restored.branch} is at {restored.backups[0].commit}"
    rows = [
        (
            one.commit[:12],
            number_of(one.task) if one.task else None,
            one.made,
            one.subject,
        )
        for one in restored.backups
    ]
    return table(("COMMIT", "TASK", "MADE", "SUBJECT"), rows) if rows else "no backups"


OPERATION = Operation(run, RestoreParams, "POST /restore", text)
