"""Records of several clones and branches, merged by real git, with nothing configured but what is committed."""

from __future__ import annotations

from itertools import combinations, permutations
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from state.renumber import collisions, renumber
from tests.clones import Clone, Work, origin

EXAMPLES = settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])


def worked_apart(folder: Path, seed: int, count: int, steps: int) -> tuple[Clone, list[Clone]]:
    """Each clone goes on with a plan that was there, which it has for itself, and makes records of its own."""
    hub = origin(folder / "hub")
    plans = [hub.planned(f"shared {number}").key for number in range(count)]
    hub.save()
    clones = [hub.clone(f"clone-{number}") for number in range(count)]
    for number, clone in enumerate(clones):
        work = Work(clone, Random(seed * 10 + number), [plans[number]])
        work.begin()
        for _ in range(steps):
            work.step()
        clone.save()
        hub.git("fetch", "-q", str(clone.path), f"HEAD:{clone.path.name}")
    return hub, clones


def merge_in_order(hub: Clone, order: tuple[Clone, ...]) -> None:
    hub.git("checkout", "-qf", "--detach", order[0].path.name)
    hub.git("clean", "-qfd")
    for clone in order[1:]:
        assert hub.merges(clone.path.name), hub.git("status")


def check_orders(folder: Path, seed: int, count: int, steps: int = 12) -> None:
    hub, clones = worked_apart(folder, seed, count, steps)
    started = hub.files()
    changed = [
        {name: data for name, data in clone.files().items() if started.get(name) != data} for clone in clones
    ]
    ended, heads = [], []
    for order in permutations(clones):
        merge_in_order(hub, order)
        assert hub.files() == {**started, **{name: data for one in changed for name, data in one.items()}}
        assert hub.dangling() == []
        assert f"requests/{count + 1}" in hub.shared_numbers(), "each clone made one"
        renumber(hub.store)
        assert (hub.dangling(), hub.shared_numbers(), collisions(hub.store)) == ([], [], [])
        ended.append(hub.files())
        heads.append(hub.save("renumbered"))
    assert all(state == ended[0] for state in ended)
    for one, other in combinations(heads[:3], 2):
        hub.git("checkout", "-qf", "--detach", one)
        assert hub.merges(other), "clones that renumbered, each for itself, merge again"
        assert hub.files() == ended[0]


@EXAMPLES
@given(st.integers(0, 10_000))
def test_two_clones_merge_in_every_order(seed: int) -> None:
    """No conflict for records made apart, nothing lost, references right, one end state."""
    with TemporaryDirectory() as folder:
        check_orders(Path(folder), seed, 2)


@pytest.mark.slow
@EXAMPLES
@given(st.integers(0, 10_000))
def test_three_clones_merge_in_every_order(seed: int) -> None:
    with TemporaryDirectory() as folder:
        check_orders(Path(folder), seed, 3, steps=8)


@pytest.mark.slow
@settings(EXAMPLES, max_examples=20)
@given(st.integers(0, 10_000), st.integers(2, 3))
def test_more_clones_with_more_work(seed: int, count: int) -> None:
    with TemporaryDirectory() as folder:
        check_orders(Path(folder), seed, count, steps=25)


def check_driver(folder: Path, seed: int, steps: int) -> int:
    """Two clones go on with the same plan. Returns how many fields were in conflict."""
    hub = origin(folder / "hub", driver=True)
    shared = hub.planned("shared").key
    hub.save()
    for number in range(2):
        clone = hub.clone(f"clone-{number}")
        work = Work(clone, Random(seed * 10 + number), [shared])
        for _ in range(steps):
            work.step()
        clone.save()
        hub.git("fetch", "-q", str(clone.path), f"HEAD:{clone.path.name}")
    hub.git("checkout", "-q", "--detach", "clone-0")
    clean = hub.merges("clone-1")
    unmerged = hub.git("diff", "--name-only", "--diff-filter=U").splitlines()
    assert clean == (not unmerged)
    conflicts = 0
    for name in unmerged:
        text = (hub.path / name).read_text(encoding="utf-8")
        conflicts += text.count("<<<<<<< ours\n")
        (hub.path / name).write_text(_ours(text), encoding="utf-8")
    assert hub.dangling() == [], "resolved, every record can be read and refers to what is there"
    renumber(hub.store)
    assert hub.shared_numbers() == []
    return conflicts


def _ours(text: str) -> str:
    """As somebody resolves it who always takes the first of the two."""
    kept, theirs = [], False
    for line in text.splitlines(keepends=True):
        theirs = (theirs or line.startswith("=======")) and not line.startswith(">>>>>>> theirs")
        if not theirs and line[:7] not in ("<<<<<<<", ">>>>>>>"):
            kept.append(line)
    return "".join(kept)


@settings(EXAMPLES, max_examples=2)
@given(st.integers(0, 10_000))
def test_two_clones_that_change_the_same_records(seed: int) -> None:
    with TemporaryDirectory() as folder:
        check_driver(Path(folder), seed, 10)


@pytest.mark.slow
@settings(EXAMPLES, max_examples=15)
@given(st.integers(0, 10_000))
def test_two_clones_that_change_the_same_records_more(seed: int) -> None:
    with TemporaryDirectory() as folder:
        check_driver(Path(folder), seed, 25)
