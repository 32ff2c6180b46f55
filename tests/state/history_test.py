"""Random histories of a store on disk beside a model of it: a dictionary, of which each transaction makes a new one."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from state import journal, transaction
from state.errors import Conflict, NotFound
from state.keys import new_key, number_of, suffix_of
from state.lifecycle import PLAN, REQUEST, TASK, move
from state.record_files import encode
from state.records import Plan, Record, Request, Task
from state.store import Store
from state.transaction import Transaction

STEPS: dict[type[Record], dict[str, set[str]]] = {Request: REQUEST, Plan: PLAN, Task: TASK}
KINDS = st.sampled_from(list(STEPS))
STATES = st.sampled_from(sorted({state for steps in STEPS.values() for state in steps}))
TEXTS = st.sampled_from(["", "a", "b", "two\nlines\n", " no ", "\u2028"])
PICKS = st.integers(0, 99)
WHO = st.integers(0, 1)

Movable = Request | Plan | Task
Model = dict[tuple[type[Record], str], Movable]
Work = Callable[[Transaction, Model], object]


class KilledError(BaseException):
    """For the disk, what ends with this right behind the commit point is what a kill ends there."""


class RefusedError(Exception):
    """Of whoever works in a transaction: nothing of it may be written."""


def begin(path: Path, root: Path, changes: journal.Changes, what: str, durable: bool) -> None:
    journal.begin(path, root, changes, what)
    raise KilledError


class History(RuleBasedStateMachine):
    """Two stores work on one folder, as two processes do. `interrupted`: a change waits to be finished."""

    folder: Path

    @initialize(durability=st.sampled_from(["full", "fast"]))
    def begin(self, durability: str) -> None:
        self.root = Path(tempfile.mkdtemp(dir=self.folder))
        (self.root / ".git").mkdir()
        (self.root / ".refactory").mkdir()
        (self.root / ".refactory" / "config.yaml").write_text(f"durability: {durability}\n")
        self.stores = [Store.open(self.root), Store.open(self.root)]
        self.model: Model = {}
        self.given: dict[type[Record], int] = {}
        self.interrupted = False

    def change(self, who: int, *works: Work) -> None:
        """All of it, in one transaction and in the model."""
        model = dict(self.model)
        self.interrupted = False  # the lock is never had without finishing what was
        with self.stores[who].transaction("t") as changes:
            for work in works:
                work(changes, model)
        self.happened(model)

    def happened(self, model: Model) -> None:
        for (kind, key), record in model.items():
            if self.model.get((kind, key)) is not record:  # the number of what is written is noted
                self.given[kind] = max(self.given.get(kind, 0), number_of(key))
        self.model = model

    def some(self, pick: int) -> Movable | None:
        found = list(self.model.values())
        return found[pick % len(found)] if found else None

    def creating(self, kind: type[Record], text: str) -> Work:
        """With the next number; what is created and changed before the commit is seen by its own transaction."""

        def work(changes: Transaction, model: Model) -> None:
            there = (number_of(key) for other, key in model if other is kind)
            made = new(changes, kind, text)
            assert number_of(made.key) == max(self.given.get(kind, 0), *there, 0) + 1
            model[kind, made.key] = made
            assert changes.get(kind, made.key) == made and made in changes.all(kind)

        return work

    def editing(self, pick: int, text: str) -> Work:
        def work(changes: Transaction, model: Model) -> None:
            key = sorted(model, key=str)[pick % len(model)]
            found = changes.get(*key)
            assert found == model[key]
            model[key] = with_text(model[key], text)
            changes.put(model[key])
            assert model[key] in changes.all(key[0])

        return work if self.model else lambda changes, model: None

    @rule(who=WHO, kind=KINDS, text=TEXTS)
    def create(self, who: int, kind: type[Record], text: str) -> None:
        self.change(who, self.creating(kind, text))

    @rule(who=WHO, pick=PICKS, text=TEXTS)
    def update(self, who: int, pick: int, text: str) -> None:
        self.change(who, self.editing(pick, text))

    @rule(who=WHO, pick=PICKS, state=STATES)
    def step(self, who: int, pick: int, state: str) -> None:
        record = self.some(pick)
        if record is None:
            return
        kind, legal = type(record), state in STEPS[type(record)][record.state]

        def work(changes: Transaction, model: Model) -> None:
            model[kind, record.key] = changes.put(move(changes.get(kind, record.key), state))

        with suppress(Conflict) if not legal else nullcontext():
            self.change(who, work)
            assert legal, f"{record.state} -> {state}"

    several = {
        "who": WHO,
        "kinds": st.lists(st.tuples(KINDS, TEXTS), max_size=3),
        "edits": st.lists(st.tuples(PICKS, TEXTS), max_size=3),
    }

    def works(self, kinds: list[tuple[type[Record], str]], edits: list[tuple[int, str]]) -> list[Work]:
        return [*(self.creating(*each) for each in kinds), *(self.editing(*each) for each in edits)]

    @rule(**several)
    def change_several(self, who: int, kinds: Any, edits: Any) -> None:
        self.change(who, *self.works(kinds, edits))

    @rule(**several)
    def fail(self, who: int, kinds: Any, edits: Any) -> None:
        def refuse(changes: Transaction, model: Model) -> None:
            raise RefusedError

        with pytest.raises(RefusedError):
            self.change(who, *self.works(kinds, edits), refuse)

    @rule(**several)
    def killed_before(self, who: int, kinds: Any, edits: Any) -> None:
        """What was staged for it is no change."""
        with mock.patch.object(transaction, "commit", side_effect=KilledError), suppress(KilledError):
            self.change(who, *self.works(kinds, edits), lambda changes, model: changes.keep("x", "y"))
        self.stores[who] = Store(self.stores[who].location)

    @rule(**several)
    def killed_behind(self, who: int, kinds: Any, edits: Any) -> None:
        """It has happened, though no record has moved yet."""
        model: Model = {}

        def note(changes: Transaction, after: Model) -> None:
            changes.keep("x", "y")
            model.update(after)

        with mock.patch.object(transaction, "commit", begin), pytest.raises(KilledError):
            self.change(who, *self.works(kinds, edits), note)
        self.happened(model)
        self.interrupted = True
        self.stores[who] = Store(self.stores[who].location)

    @rule(who=WHO, pick=PICKS)
    def renumber(self, who: int, pick: int) -> None:
        record = self.some(pick)
        if record is None:
            return
        kind, key = (
            type(record),
            f"{max(number_of(key) for _, key in self.model) + 5}-{suffix_of(record.key)}",
        )

        def work(changes: Transaction, model: Model) -> None:
            model[kind, key] = replace(model.pop((kind, record.key)), key=key)
            changes.rename(changes.get(kind, record.key), key)

        self.change(who, work)
        assert self.stores[who].get(kind, record.key).key == key

    @rule(who=WHO)
    def open_anew(self, who: int) -> None:
        self.stores[who] = Store.open(self.root)
        self.interrupted = False

    @rule(pick=PICKS)
    def delete_by_hand(self, pick: int) -> None:
        record = self.some(pick)
        if record and not self.interrupted:
            self.stores[0].path(type(record), record.key).unlink()
            del self.model[type(record), record.key]
            with pytest.raises(NotFound), self.stores[0].transaction("t") as changes:
                changes.get(type(record), record.key)

    @rule(pick=PICKS, text=TEXTS)
    def edit_by_hand(self, pick: int, text: str) -> None:
        record = self.some(pick)
        if record and not self.interrupted:
            edited = self.model[type(record), record.key] = with_text(record, text)
            self.stores[0].path(type(record), record.key).write_bytes(encode(edited))

    @rule(number=st.integers(1, 3))
    def a_merge_brings_one(self, number: int) -> None:
        """Its number may be another one's, too: then only its key works."""
        made = Request(key=new_key(number), title="theirs")
        if not self.interrupted:
            path = self.stores[0].path(Request, made.key)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode(made))
            self.model[Request, made.key] = made

    @invariant()
    def every_reader_sees_the_model(self) -> None:
        if hasattr(self, "stores") and not self.interrupted:
            for store in (*self.stores, Store.open(self.root)):
                for kind in STEPS:
                    self.check(store, kind)

    def check(self, store: Store, kind: type[Record]) -> None:
        model = [record for (other, _), record in self.model.items() if other is kind]
        model.sort(key=lambda record: (number_of(record.key), record.key))
        assert store.all(kind) == model
        assert store.keys(kind) == [record.key for record in model]
        assert store.count(kind, "state") == Counter(record.state for record in model)
        of_number = Counter(number_of(record.key) for record in model)
        for record in model:
            assert store.get(kind, record.key) == record
            assert record in store.select(kind, state=record.state)[0]
            with pytest.raises(Conflict) if of_number[number_of(record.key)] > 1 else nullcontext():
                assert store.get(kind, number_of(record.key)) == record


def new(changes: Transaction, kind: type[Record], text: str) -> Movable:
    if kind is Request:
        return changes.new(Request, title="t", description=text)
    if kind is Plan:
        return changes.new(Plan, request="1-aaaaaaaa", design=text)
    return changes.new(Task, plan="1-aaaaaaaa", title="t", detail=text)


def with_text(record: Movable, text: str) -> Movable:
    field = {Request: "description", Plan: "design", Task: "detail"}[type(record)]
    return replace(record, **{field: text})


def run_histories(folder: Path, examples: int, steps: int) -> None:
    History.folder = folder
    config = settings(
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(History, settings=config)


def test_histories(tmp_path: Path, capfd: Any) -> None:
    run_histories(tmp_path, 10, 15)


@pytest.mark.slow
def test_long_histories(tmp_path: Path, capfd: Any) -> None:
    run_histories(tmp_path, 40, 35)
