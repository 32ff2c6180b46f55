"""What is wrong in a repository's records, refs and worktrees, and the mending that has one right answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from agents.diagnosis import commits, leftovers, links, locks, logs, numbers, private, readable, states
from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, Problem
from state.errors import RefactoryError
from state.store import Store

Check = Callable[[Evidence], Iterator[Found]]

_PAUSE = 0.3  # seconds; agents at work change several things one after the other
_ROUNDS = 10  # mending one thing may uncover another, but not for ever

# Before all others: while a change is half done, everything else looks broken.
FIRST: tuple[Check, ...] = (private.journal,)
CHECKS: tuple[Check, ...] = (
    readable.config,
    readable.sandbox,
    readable.model,
    readable.coder,
    readable.tools,
    readable.records,
    readable.strangers,
    readable.half_written,
    readable.schemas,
    numbers.numbers,
    links.references,
    links.sides,
    links.cycles,
    states.illegal,
    states.unheld,
    commits.bases,
    commits.results,
    commits.attempts,
    commits.landings,
    logs.audit,
    private.leases,
    private.damaged_leases,
    private.modes,
    private.set_aside,
    leftovers.processes,
    leftovers.worktrees,
    leftovers.fetches,
    leftovers.refused,
    leftovers.edits,
    locks.ours,
    locks.users,
)


def diagnose(store: Store) -> list[Found]:
    """What is wrong now, and still is a moment later."""
    found = _look(store)
    if found:
        time.sleep(_PAUSE)
        again = {other.problem for other in _look(store)}
        found = [one for one in found if one.problem in again]
    return found


def mend(store: Store, backup: Backup) -> tuple[list[Problem], list[Problem]]:
    """Do what has one right answer: what was mended, and what is left."""
    tried: list[Problem] = []
    for _ in range(_ROUNDS):
        found = diagnose(store)
        todo = [one for one in found if one.mend and one.problem not in tried]
        if not todo:
            break
        for one in todo:
            tried.append(one.problem)
            _mend(one, backup)
    left = [one.problem for one in found]
    return [problem for problem in tried if problem not in left], left


def _mend(found: Found, backup: Backup) -> None:
    assert found.mend
    try:
        found.mend(backup)
    except (RefactoryError, OSError) as error:
        backup.failed.append(f"{found.problem.message}: {error}")


def _look(store: Store) -> list[Found]:
    evidence = Evidence(store)
    return _said(FIRST, evidence) or _said(CHECKS, evidence)


def _said(checks: Iterable[Check], evidence: Evidence) -> list[Found]:
    return [one for check in checks for one in _or_why_not(check, evidence)]


def _or_why_not(check: Check, evidence: Evidence) -> list[Found]:
    """What hinders one check is a thing to tell, and no reason to keep quiet about what the others find."""
    try:
        return list(check(evidence))
    except (RefactoryError, OSError) as error:
        hint = error.hint if isinstance(error, RefactoryError) else ""
        message = f"{check.__name__.replace('_', ' ')} can't be checked: {error}"
        return [Found(Problem(check="unchecked", message=message, hint=hint))]
