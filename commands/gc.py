"""Remove branches and backups of ours that have landed, or that are old; nothing else is touched."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from agents.worktrees.backups import Kept
from commands._operation import Operation, Params
from state.store import Store


class GcParams(Params):
    days: Annotated[float, Meta(description="Older than this. Default: reconcile.keepDays.", ge=0)] | None = (
        None
    )
    dry_run: Annotated[bool, Meta(description="Say what would be removed; remove nothing.")] = False


class Removed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    removed: list[Kept]
    dry_run: bool = False


def run(store: Store, params: GcParams) -> Removed:
    from agents.worktrees.backups import removable, remove

    days = store.config.reconcile.keep_days if params.days is None else params.days
    chosen = removable(store, days)
    if chosen and not params.dry_run:
        remove(store, chosen)
    return Removed(removed=chosen, dry_run=params.dry_run)


def text(done: Removed) -> str:
    verb = "would remove" if done.dry_run else "removed"
    lines = [f"{verb} {one.ref} at {one.commit[:12]}: {one.why}" for one in done.removed]
    return "\n".join(lines) or "nothing to remove"


OPERATION = Operation(run, GcParams, "POST /gc", text)
