"""Records that share a number, as two branches may both have made number 7: the number alone is refused."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable
from state.errors import InvalidFile
from state.records import KINDS
from state.references import references
from state.renumber import collisions, doubles, outdated, renumber


def numbers(evidence: Evidence) -> Iterator[Found]:
    """While a record can't be read nobody knows what refers to what."""
    store = evidence.store
    if evidence.unreadable:
        return
    mend = partial(_renumber, evidence)
    try:
        for one in collisions(store):
            message = f"{one.folder}: {one.keeper} and {one.key} share a number"
            yield fixable("number", message, f"make {one.new_key} of the younger, everywhere", mend)
        for double in doubles(store):
            message = f"{double.folder}: {double.key} and {double.extra} are one record"
            yield fixable("number", message, f"keep {double.key}, if both say the same", mend)
        for old in outdated(store):
            message = f"{old.record} refers to {old.key}, which is {old.new_key} now"
            yield fixable("number", message, "set it right", mend)
    except InvalidFile:
        return  # it was changed as we looked


def _renumber(evidence: Evidence, backup: Backup) -> None:
    store = evidence.store
    moved = {one.key for one in collisions(store)} | {one.extra for one in doubles(store)}
    moved |= {one.key for one in outdated(store)}
    if not moved:
        return  # the same, mended together with another
    for kind in KINDS:
        for record in evidence.records(kind).values():
            if record.key in moved or any(key in moved for _, key in references(record)):
                backup.file(store.path(kind, record.key))
    renumber(store)
