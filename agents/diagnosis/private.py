"""What belongs to this clone, in `.git/refactory/`: the journal, leases, tokens."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable, found
from agents.diagnosis.states import give_back
from state.journal_mark import is_open
from state.keys import number_of
from state.leases import all_leases, find
from state.lock import locked
from state.store import Store

_SECRET = ("token", "tokens.json")


def journal(evidence: Evidence) -> Iterator[Found]:
    """Under the lock: nobody is writing, so its writer was killed."""
    store = evidence.store
    if not is_open(store.journal):
        return
    with locked(store.location.private / "lock", "doctor"):
        left = is_open(store.journal)
    if left:
        message = "a command was killed in the middle of a change, which is not finished"
        yield fixable("journal", message, "finish it", partial(_finish, store))


def _finish(store: Store, _backup: Backup) -> None:
    with store.lock("doctor"):
        pass


def leases(evidence: Evidence) -> Iterator[Found]:
    store = evidence.store
    for lease in all_leases(store.location.private):
        if not lease.live():
            why = "its time is over" if lease.left() <= 0 else "its process is gone"
            message = f"{lease.holder}'s lease on task {number_of(lease.task)} is over: {why}"
            mend = partial(give_back, store, lease.task)
            yield fixable("lease", message, "remove it; the task goes on at the next run", mend)


def damaged_leases(evidence: Evidence) -> Iterator[Found]:
    folder = evidence.store.location.private / "leases"
    for path in sorted(folder.glob("[0-9]*.json")):
        if find(folder.parent, path.stem) is None:
            mend = partial(Backup.remove, path=path)
            yield fixable("lease", f"{path} is no lease: it holds nothing", "remove it", mend)


def modes(evidence: Evidence) -> Iterator[Found]:
    for name in _SECRET:
        path = evidence.store.location.private / name
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        if mode & 0o077:
            message = f"{path} can be read by others: mode {mode:04o}, not 0600"
            yield fixable("mode", message, "make it 0600", partial(_hide, path))


def _hide(path: Path, _backup: Backup) -> None:
    path.chmod(0o600)


def set_aside(evidence: Evidence) -> Iterator[Found]:
    """The changes of a killed command that could not be finished: a person may want to see what they were."""
    for path in sorted(evidence.store.location.private.glob("journal.*")):
        message = f"{path} has the change of a killed command that could not be finished"
        yield found("journal", message, "see what was to be written, then remove it")
