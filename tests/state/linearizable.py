"""What processes did to shared records and when, and whether one sequence of steps explains all of it.

The model is linearizability (M. Herlihy and J. Wing, "Linearizability: a correctness condition for concurrent
objects", 1990): each operation takes effect at one instant between its start and its end. Each record is a register
with versions: a write makes the version after the one it found, with a tag that nobody else uses, and a read returns
a version and its tag. The versions give the order of the writes, so no search is needed: the history of a record
is linearizable if and only if no operation that ended before another one began has a later place than that one
(a read's place is right behind the write whose value it returned). That no version has two tags is that no update
is lost. Nothing is claimed of what a reader sees of several records: it takes no lock.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple

import msgspec


class Begun(msgspec.Struct, frozen=True, tag=True):
    """A transaction that is going to write with this tag. One that is never `Done` was killed: all of it, or none."""

    tag: str
    creates: int
    start: int


class Done(msgspec.Struct, frozen=True, tag=True):
    """It was acknowledged: the version that each record got, and the numbers of those that it created."""

    tag: str
    wrote: dict[str, int]
    created: list[int]
    end: int


class Seen(msgspec.Struct, frozen=True, tag=True):
    """A read: version and tag of each record."""

    found: dict[str, tuple[int, str]]
    start: int
    end: int


class Counted(msgspec.Struct, frozen=True, tag=True):
    """A list of all that was created."""

    number: int
    start: int
    end: int


Event = Begun | Done | Seen | Counted


class Log:
    """One process's events. It survives the process: nothing is held back in it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, event: Event) -> None:
        self._file.write(msgspec.json.encode(event) + b"\n")


def read(path: Path) -> list[Event]:
    return [msgspec.json.decode(line, type=Event) for line in path.read_bytes().splitlines()]


now = time.monotonic_ns  # one clock for all processes of a machine


class Step(NamedTuple):
    """An operation on one record; `place` is its version, then 0 for the write, 1 for a read of it."""

    start: float
    end: float
    place: tuple[int, int]


def check(events: Iterable[Event], final: Mapping[str, tuple[int, str]]) -> None:
    """`final`: what is there after all of it. Fails with what can't be explained."""
    events = list(events)
    begun = {event.tag: event for event in events if isinstance(event, Begun)}
    done = {event.tag: event for event in events if isinstance(event, Done)}
    seen = [*(event for event in events if isinstance(event, Seen)), Seen(dict(final), now(), now())]
    tags = _tags(done, seen)
    for record, versions in tags.items():
        _check_complete(record, versions, final[record][0], len(begun) - len(done))
        steps = [*_writes(record, versions, begun, done), *_reads(record, seen)]
        assert not (wrong := _out_of_order(steps)), (record, wrong)
    _check_created(begun, done, [event for event in events if isinstance(event, Counted)])


def _tags(done: Mapping[str, Done], seen: Iterable[Seen]) -> Mapping[str, Mapping[int, str]]:
    """Of each record, who wrote which version."""
    tags: dict[str, dict[int, str]] = defaultdict(dict)
    claims = [
        (record, version, tag) for tag, event in done.items() for record, version in event.wrote.items()
    ]
    claims += [(record, version, tag) for event in seen for record, (version, tag) in event.found.items()]
    for record, version, tag in claims:
        first = tags[record].setdefault(version, tag)
        assert first == tag, f"{record}: version {version} is from {first} and from {tag}: an update is lost"
    return tags


def _check_complete(record: str, versions: Mapping[int, str], last: int, killed: int) -> None:
    assert max(versions) == last, f"{record}: version {max(versions)} was there, now {last} is the last"
    nobody = [version for version in range(1, last) if version not in versions]
    assert len(nobody) <= killed, f"{record}: nobody wrote {nobody}"


def _writes(
    record: str, versions: Mapping[int, str], begun: Mapping[str, Begun], done: Mapping[str, Done]
) -> Iterable[Step]:
    for version, tag in versions.items():
        if version:
            end = done[tag].end if tag in done else inf
            assert tag not in done or record in done[tag].wrote, f"{record}: {tag} says it did not write that"
            yield Step(begun[tag].start, end, (version, 0))


def _reads(record: str, seen: Iterable[Seen]) -> Iterable[Step]:
    for event in seen:
        if record in event.found:
            yield Step(event.start, event.end, (event.found[record][0], 1))


def _out_of_order(steps: Iterable[Step]) -> tuple[Step, Step] | None:
    """Two of them, the first over before the second began, and yet the second has the earlier place."""
    ended = sorted(steps, key=lambda step: step.end)
    count, latest = 0, None
    for step in sorted(ended):
        while ended[count].end < step.start:
            latest = max(ended[count], latest or ended[count], key=lambda step: step.place)
            count += 1
        if latest and latest.place > step.place:
            return latest, step
    return None


def _check_created(begun: Mapping[str, Begun], done: Mapping[str, Done], counted: Iterable[Counted]) -> None:
    numbers = [number for event in done.values() for number in event.created]
    assert len(numbers) == len(set(numbers)), "a number was given twice"
    ends = sorted(event.end for event in done.values() for _ in event.created)
    starts = sorted(event.start for event in begun.values() for _ in range(event.creates))
    for event in counted:
        least, most = bisect_left(ends, event.start), bisect_left(starts, event.end)
        assert least <= event.number <= most, (least, event, most)
