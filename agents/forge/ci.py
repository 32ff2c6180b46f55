"""Waits for what the forge's CI says of a commit."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from agents.forge.patience import patiently
from agents.forge.protocol import Check, Forge
from state.config import Forge as Settings
from state.records import CiState

_SLOWER = 1.5  # how much longer each pause is
_LONGEST_PAUSE = 60.0


class Verdict(msgspec.Struct, frozen=True):
    """`none`: the forge knows of no check at all, so nothing has proved anything."""

    state: CiState
    failed: list[str] = []
    pending: list[str] = []


def wait_for_ci(
    forge: Forge, commit: str, settings: Settings, sleep: Callable[[float], None] = time.sleep
) -> Verdict:
    """Until all checks have ended, one has failed, or the time is up.

    Green counts when the next look shows the same: a quick check may pass before a slow one is even known.
    """
    began = time.monotonic()
    pause = settings.ci_poll
    before: list[Check] = []
    while True:
        checks = patiently(settings, lambda: forge.checks(commit))
        verdict = _of(checks)
        over = time.monotonic() - began
        limit = settings.ci_start_seconds if verdict.state == "none" else settings.ci_seconds
        settled = verdict.state == "passed" and checks == before
        if verdict.state == "failed" or settled or over >= limit:
            return verdict
        before = checks
        sleep(min(pause, limit - over))
        pause = min(pause * _SLOWER, max(_LONGEST_PAUSE, settings.ci_poll))


def _of(checks: list[Check]) -> Verdict:
    failed = [_named(check) for check in checks if check.state == "failed"]
    pending = [_named(check) for check in checks if check.state == "pending"]
    state: CiState = "failed" if failed else "pending" if pending else "passed" if checks else "none"
    return Verdict(state, failed, pending)


def _named(check: Check) -> str:
    return f"{check.name} ({check.url})" if check.url else check.name
