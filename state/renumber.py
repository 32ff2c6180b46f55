"""Records that got the same number on two branches: the older keeps it, the others get the next free ones.

What comes out depends on the records alone, so every clone that merged the same records does the same. A key's
suffix stays, by which old keys (in references made elsewhere meanwhile, in logs, in commits) are still understood.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from state.errors import Busy, Conflict
from state.keys import key_of, number_of, suffix_of
from state.records import BY_FOLDER, KINDS, Record
from state.references import redirected, references

if TYPE_CHECKING:
    from state.store import Store
    from state.transaction import Transaction

Kind = type[Record]
Keys = dict[tuple[Kind, str], str]


class Collision(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`key` has the number of the older `keeper`, and becomes `new_key`."""

    folder: str
    keeper: str
    key: str
    new_key: str


class Outdated(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The record refers to another by the key it had before it was renumbered."""

    record: str
    key: str
    new_key: str


class Double(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One record under two numbers: it was renumbered on two branches, each for itself. The lower one stays."""

    folder: str
    key: str
    extra: str


def collisions(store: Store) -> list[Collision]:
    """By kind and number. Reads only the records that share one; raises InvalidFile if it can't."""
    return [collision for kind in KINDS for collision in _of_kind(store, kind)]


def doubles(store: Store) -> list[Double]:
    found = []
    for kind in KINDS:
        first = _lowest(store.keys(kind))
        for key in store.keys(kind):
            if (stays := first[suffix_of(key)]) != key:
                found.append(Double(folder=kind.folder, key=stays, extra=key))
    return found


def outdated(store: Store) -> list[Outdated]:
    """The references that a renumbering on another branch left behind. Reads all records."""
    known = {kind: set(store.keys(kind)) for kind in KINDS}
    now = _final_keys(store, [])
    return [
        Outdated(record=f"{record.folder}/{record.key}", key=key, new_key=now[kind, suffix_of(key)])
        for of in KINDS
        for record in store.all(of)
        for kind, key in references(record)
        if key not in known[kind] and (kind, suffix_of(key)) in now
    ]


def renumber(store: Store, command: str = "doctor") -> list[Collision]:
    """Give every number to one record, and set all references right, in one transaction.

    Raises InvalidFile while a record can't be read, Busy while agents are at work, Conflict for a double record
    whose two files differ.
    """
    with store.transaction(command) as changes:
        _refuse_leased(store)
        found = collisions(store)
        now = _final_keys(store, found)
        seen: dict[str, Record] = {}
        for kind in KINDS:
            for record in changes.all(kind):
                _bring_up_to_date(changes, record, now, seen)
    return found


def _of_kind(store: Store, kind: Kind) -> Iterator[Collision]:
    keys = store.keys(kind)
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for key in _lowest(keys).values():
        groups[number_of(key)].append(key)
    free = max(map(number_of, keys), default=0) + 1
    for _, shared in sorted(groups.items()):
        if len(shared) == 1:
            continue
        keeper, *younger = sorted(shared, key=lambda key: (_created(store, kind, key), key))
        for key in younger:
            new_key = key_of(free, suffix_of(key))
            yield Collision(folder=kind.folder, keeper=keeper, key=key, new_key=new_key)
            free += 1


def _lowest(keys: list[str]) -> dict[str, str]:
    """By suffix; `keys` are sorted by number."""
    first: dict[str, str] = {}
    for key in keys:
        first.setdefault(suffix_of(key), key)
    return first


def _created(store: Store, kind: Kind, key: str) -> str:
    record = store.find(kind, key)
    return record.created if record else ""


def _final_keys(store: Store, found: list[Collision]) -> Keys:
    now = {(kind, suffix): key for kind in KINDS for suffix, key in _lowest(store.keys(kind)).items()}
    return now | {(BY_FOLDER[one.folder], suffix_of(one.key)): one.new_key for one in found}


def _bring_up_to_date(changes: Transaction, record: Record, now: Keys, seen: dict[str, Record]) -> None:
    redirect = redirected(record, lambda kind, key: now.get((kind, suffix_of(key)), key))
    key = now[type(record), suffix_of(record.key)]
    final = msgspec.structs.replace(redirect, key=key)
    if seen.setdefault(f"{record.folder}/{key}", final) != final:
        raise Conflict(
            f"{record.folder}: {key} was renumbered on two branches, and its two files differ",
            "keep the one that is right under the lower number, remove the other",
        )
    if key != record.key:
        changes.rename(redirect, key)
    elif final != record:
        changes.put(final, "what it refers to was renumbered")


def _refuse_leased(store: Store) -> None:
    """An agent that is at work reports under the key it was given."""
    from state.leases import all_leases

    for lease in all_leases(store.location.private):
        if lease.live():
            raise Busy(f"{lease.holder} works on task {lease.task}", "renumber when no agent is at work")
