"""Lists through the index are what plain reading of all files gives, whatever happened to files and index."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from state import numbers, reader, stamps
from state.errors import InvalidFile
from state.keys import number_of
from state.location import Location
from state.record_files import decode
from state.records import Request
from state.store import Store
from tests.conftest import PROGRAM, Refactory

STATES = ("open", "planned", "done")


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index and the memory of names work from the first record on, and soon after a change."""
    monkeypatch.setattr(stamps, "_TICK", 20_000_000)
    monkeypatch.setattr(reader, "_FEW", -1)
    monkeypatch.setattr(numbers, "_MANY", 0)


def plainly(store: Store) -> list[Request]:
    """What the files say, without any cache."""
    folder = store.location.records / "requests"
    keys = sorted((path.stem for path in folder.glob("[1-9]*-*.yaml")), key=lambda key: (number_of(key), key))
    return [decode(Request, (folder / f"{key}.yaml").read_bytes(), f"{key}.yaml", key) for key in keys]


def index_of(store: Store) -> Path:
    return store.location.own_private / "index.sqlite"


def age(store: Store) -> None:
    """What was written so far is old enough for its stamps to be believed, and indexed."""
    time.sleep(0.03)
    store.select(Request)


def add(store: Store, title: str = "x", state: str = "open") -> Request:
    with store.transaction("t") as changes:
        return changes.new(Request, title=title, state=state)


class Anything(RuleBasedStateMachine):
    """Writes through the store, edits by hand, accidents: `expected` are the numbers given out so far."""

    root: Path

    @initialize()
    def begin(self) -> None:
        records = self.root / ".refactory" / "requests"
        for path in [*records.glob("*"), *(self.root / ".git").rglob("*")]:
            path.unlink() if path.is_file() else None
        records.mkdir(parents=True, exist_ok=True)
        git = self.root / ".git"
        git.mkdir(exist_ok=True)
        (self.root / ".refactory" / "config.yaml").write_text("durability: fast\n")
        self.store = Store(Location(self.root, git, git))
        self.given = 0

    def some(self, pick: int) -> Path | None:
        paths = sorted((self.root / ".refactory" / "requests").glob("[1-9]*.yaml"))
        return paths[pick % len(paths)] if paths else None

    @rule(
        title=st.text("abc", min_size=1, max_size=3), state=st.sampled_from(STATES), count=st.integers(1, 3)
    )
    def create(self, title: str, state: str, count: int) -> None:
        with self.store.transaction("t") as changes:
            made = [changes.new(Request, title=title, state=state) for _ in range(count)]
        numbers_given = [number_of(request.key) for request in made]
        assert min(numbers_given) > self.given, "never given again"
        self.given = max(numbers_given)

    @rule(
        pick=st.integers(0, 99), state=st.sampled_from(STATES), title=st.text("abc", min_size=1, max_size=3)
    )
    def change(self, pick: int, state: str, title: str) -> None:
        if path := self.some(pick):
            with self.store.transaction("t") as changes:
                changes.put(Request(key=path.stem, title=title, state=state))  # type: ignore[arg-type]

    @rule(pick=st.integers(0, 99), letter=st.sampled_from("xyz"), longer=st.booleans(), old=st.booleans())
    def edit_in_place(self, pick: int, letter: str, longer: bool, old: bool) -> None:
        """Also with the time set back, as `touch -r` and some editors do."""
        if path := self.some(pick):
            before = path.stat()
            text = path.read_text().splitlines(keepends=True)
            at = next(n for n, line in enumerate(text) if line.startswith("title:"))
            text[at] = f"title: {letter * (9 if longer else 1)}\n"
            path.write_text("".join(text))
            if old:
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(pick=st.integers(0, 99))
    def delete(self, pick: int) -> None:
        if path := self.some(pick):
            path.unlink()

    @rule(pick=st.integers(0, 99), number=st.integers(1, 9))
    def copy_under_another_number(self, pick: int, number: int) -> None:
        """As a merge brings it; the suffix makes it another record."""
        if path := self.some(pick):
            key = f"{number}-{path.stem[-7:]}0"
            path.with_name(f"{key}.yaml").write_text(path.read_text().replace(path.stem, key))

    @rule()
    def stray_file(self) -> None:
        (self.root / ".refactory" / "requests" / "notes.yaml").write_text("x")

    @rule()
    def lose_index(self) -> None:
        index_of(self.store).unlink(missing_ok=True)

    @rule(damage=st.sampled_from([b"", b"garbage" * 99, b"SQLite format 3\0" + b"\1" * 5000]))
    def damage_index(self, damage: bytes) -> None:
        index_of(self.store).parent.mkdir(exist_ok=True)
        index_of(self.store).write_bytes(damage)

    @rule(size=st.integers(1, 20_000))
    def cut_index(self, size: int) -> None:
        if index_of(self.store).exists():
            os.truncate(index_of(self.store), min(size, index_of(self.store).stat().st_size))

    @rule()
    def time_goes_by(self) -> None:
        age(self.store)

    @rule()
    def another_process(self) -> None:
        self.store = Store(self.store.location)

    @invariant()
    def lists_are_true(self) -> None:
        if not hasattr(self, "store"):
            return
        expected = plainly(self.store)
        assert self.store.select(Request) == (expected, len(expected))
        for state in STATES:
            these = [request for request in expected if request.state == state]
            assert self.store.select(Request, state=state) == (these, len(these))
            assert self.store.select(Request, limit=2, offset=1, state=state)[0] == these[1:3]
        assert self.store.all(Request) == expected
        assert self.store.count(Request, "state") == Counter(request.state for request in expected)
        assert self.store.keys(Request) == [request.key for request in expected]
        for number in {number_of(request.key) for request in expected} | {99}:
            same = sorted(request.key for request in expected if number_of(request.key) == number)
            assert sorted(self.store.numbers(Request).keys(str(number), False)) == same


def test_lists_are_what_plain_reading_gives(tmp_path: Path) -> None:
    Anything.root = tmp_path
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    config = settings(max_examples=15, stateful_step_count=20, suppress_health_check=checks)
    run_state_machine_as_test(Anything, settings=config)


@pytest.mark.slow
def test_lists_are_what_plain_reading_gives_at_length(tmp_path: Path) -> None:
    Anything.root = tmp_path
    config = settings(max_examples=100, stateful_step_count=30, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Anything, settings=config)


def test_what_is_indexed_is_not_read_again(store: Store) -> None:
    """Shown by an index that lies: what is in it is what is listed, for as long as the file looks the same."""
    made = add(store)
    age(store)
    with sqlite3.connect(index_of(store)) as db:
        db.execute("UPDATE record SET state = 'done'")
    assert store.select(Request, state="open") == ([], 0)
    store.path(Request, made.key).write_text("")
    with pytest.raises(InvalidFile):
        store.select(Request, state="open")


def test_an_index_cut_off_anywhere_is_made_anew(store: Store) -> None:
    made = [add(store) for _ in range(12)]
    age(store)
    whole = index_of(store).read_bytes()
    for size in range(0, len(whole), 509):
        index_of(store).write_bytes(whole[:size])
        assert store.select(Request) == (made, 12), size
        assert store.count(Request, "state") == {"open": 12}, size


def test_a_broken_file_is_named_each_time_and_costs_only_itself(store: Store) -> None:
    kept, broken = add(store), add(store)
    path = store.path(Request, broken.key)
    right = path.read_text()
    path.write_text("title: [")
    for _ in range(2):
        with pytest.raises(InvalidFile, match=broken.key):
            store.select(Request)
    path.write_text(right)
    assert store.select(Request) == ([kept, broken], 2)


def deny(path: Path) -> Callable[[], object]:
    path.parent.chmod(0o500)
    return lambda: path.parent.chmod(0o700)


def lock(path: Path) -> Callable[[], object]:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    return db.close


def reserve(path: Path) -> Callable[[], object]:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db.close


def folder_instead(path: Path) -> Callable[[], object]:
    path.unlink()
    path.mkdir()
    return path.rmdir


@pytest.mark.parametrize("trouble", [deny, lock, reserve, folder_instead])
def test_no_trouble_with_the_index_fails_a_command(
    store: Store, trouble: Callable[[Path], Callable[[], object]]
) -> None:
    first = add(store)
    age(store)
    end = trouble(index_of(store))
    try:
        path = store.path(Request, first.key)
        path.write_text(path.read_text().replace("title: x", "title: edited"))
        assert [request.title for request in store.select(Request)[0]] == ["edited"]
        assert store.count(Request, "state") == {"open": 1}
    finally:
        end()
    assert [request.title for request in store.select(Request)[0]] == ["edited"]


def test_many_processes_bring_one_index_up_to_date(refactory: Refactory, store: Store) -> None:
    """Enough records that the program itself uses the index."""
    first = store.path(Request, add(store).key)
    for number in range(2, 302):
        key = f"{number}-aaaaaaaa"
        first.with_name(f"{key}.yaml").write_text(first.read_text().replace(first.stem, key))
    for _ in range(2):
        started = [refactory.start("request:list", "--limit", "1000", "--format", "ids") for _ in range(6)]
        results = [process.communicate() for process in started]
        assert [err for _, err in results] == [""] * 6
        assert {out for out, _ in results} == {"".join(f"{number}\n" for number in range(1, 302))}
        index_of(store).write_bytes(b"damaged" * 1000)


def test_a_linked_worktree_has_an_index_of_its_own(store: Store, tmp_path: Path) -> None:
    add(store)
    for args in (["add", "."], ["commit", "-qm", "s"], ["worktree", "add", "-q", str(tmp_path / "linked")]):
        subprocess.run(["git", *args], cwd=store.location.root, check=True)
    linked = Store.open(tmp_path / "linked")
    add(linked, "only there")
    for _ in range(2):
        age(store)
        age(linked)
    assert [r.title for r in store.select(Request)[0]] == ["x"]
    assert [r.title for r in linked.select(Request)[0]] == ["x", "only there"]
    assert index_of(store) != index_of(linked)


def test_few_records_are_listed_without_sqlite(refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "x")
    script = "import sys, refactory; refactory.main(['request:list']); sys.exit('sqlite3' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=refactory.folder,
        env={**os.environ, "PYTHONPATH": str(PROGRAM.parent)},
        check=True,
    )
