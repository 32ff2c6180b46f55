"""The ways to land a combination, one file each; agents/launcher.py chooses. None of them forces anything."""

from __future__ import annotations

from state.errors import Conflict


def refuse_moved(target: str, head: str | None, before: str, bring: str = "") -> None:
    """`bring`: the command that brings the new head here, where it is elsewhere."""
    if head != before:
        first = f"bring it here (`{bring}`), then " if bring else ""
        raise Conflict(
            f"{target} has moved to {(head or 'nothing')[:12]} since the combination was tested on {before[:12]}",
            f"{first}reconcile and review again: the combination is redone on the new head",
        )
