from __future__ import annotations

import sys

import msgspec
import pytest

from state import leases
from state.audit import Line
from state.clock import now
from state.errors import Busy, Conflict, InvalidFile
from state.keys import number_of
from state.record_files import encode
from state.records import (
    KINDS,
    Ejected,
    Finding,
    Landed,
    Orchestration,
    Outcome,
    Plan,
    Pull,
    Record,
    Request,
    Review,
    Task,
)
from state.references import reference_fields, references
from state.renumber import Double, Outdated, collisions, doubles, outdated, renumber
from state.store import Store

OLD, MIDDLE, YOUNG = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))


def put(store: Store, *records: Record) -> None:
    for record in records:
        path = store.path(type(record), record.key)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(record))


def request(key: str, created: str = OLD) -> Request:
    return Request(key=key, created=created, title=f"made as {key}")


def task(key: str, **fields: object) -> Task:
    return msgspec.convert({"key": key, "created": OLD, "plan": "1-pppppppp", "title": "t", **fields}, Task)


def files(store: Store) -> dict[str, bytes]:
    root = store.location.records
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if not name.startswith("audit/")}


def test_the_older_keeps_the_number(store: Store) -> None:
    put(store, request("7-cccccccc", YOUNG), request("7-aaaaaaaa", MIDDLE), request("7-bbbbbbbb", OLD))
    put(store, request("9-dddddddd"))
    assert [(found.keeper, found.key, found.new_key) for found in collisions(store)] == [
        ("7-bbbbbbbb", "7-aaaaaaaa", "10-aaaaaaaa"),
        ("7-bbbbbbbb", "7-cccccccc", "11-cccccccc"),
    ]
    renumber(store)
    assert store.keys(Request) == ["7-bbbbbbbb", "9-dddddddd", "10-aaaaaaaa", "11-cccccccc"]
    assert store.get(Request, 10).title == "made as 7-aaaaaaaa"
    assert collisions(store) == []


def test_of_two_made_in_one_second_the_lower_key_keeps_it(store: Store) -> None:
    put(store, request("1-bbbbbbbb"), request("1-aaaaaaaa"))
    renumber(store)
    assert store.keys(Request) == ["1-aaaaaaaa", "2-bbbbbbbb"]


def test_until_then_the_number_is_refused_and_the_keys_work(store: Store) -> None:
    put(store, request("7-aaaaaaaa"), request("7-bbbbbbbb"))
    with pytest.raises(Conflict, match=r"7-aaaaaaaa .*, 7-bbbbbbbb"):
        store.get(Request, 7)
    assert store.get(Request, "7-bbbbbbbb").title == "made as 7-bbbbbbbb"


def everything() -> list[Record]:
    """A record of every kind that refers to task 1-bbbbbbbb or plan 1-qqqqqqqq, which must give way."""
    outcome = Outcome(
        state="partial", branch="refactory/plans/1-qqqqqqqq", onto="0" * 40, commit="1" * 40,
        landed=[Landed(task="1-bbbbbbbb", commit="2" * 40)],
        ejected=[Ejected(task="1-bbbbbbbb", reason="red", ref="refactory/tasks/1-bbbbbbbb")],
    )  # fmt: skip
    return [
        request("1-rrrrrrrr"),
        Plan(key="1-pppppppp", created=OLD, request="1-rrrrrrrr"),
        Plan(key="1-qqqqqqqq", created=YOUNG, request="1-rrrrrrrr", tasks=["1-bbbbbbbb", "2-cccccccc"]),
        task("1-aaaaaaaa"),
        task("1-bbbbbbbb", created=YOUNG, plan="1-qqqqqqqq", pulls=["1-uuuuuuuu"], title="1-bbbbbbbb",
             branch="refactory/tasks/1-bbbbbbbb"),
        task("2-cccccccc", plan="1-qqqqqqqq", dependsOn=["1-bbbbbbbb"], orchestration="1-oooooooo"),
        Pull(key="1-uuuuuuuu", task="1-bbbbbbbb", agent="a", attempt=1, orchestration="1-oooooooo"),
        Orchestration(key="1-oooooooo", plan="1-qqqqqqqq", target_branch="main", base="0" * 40, outcome=outcome),
        Review(key="1-vvvvvvvv", plan="1-qqqqqqqq", orchestration="1-oooooooo", commit="1" * 40,
               verdict="rejected",
               findings=[Finding(rule="r", severity="error", message="m", task="1-bbbbbbbb")]),
    ]  # fmt: skip


def test_every_reference_follows(store: Store) -> None:
    put(store, *everything())
    renumber(store)
    known = {kind: set(store.keys(kind)) for kind in KINDS}
    for kind in KINDS:
        for record in store.all(kind):
            assert all(key in known[target] for target, key in references(record)), record
    moved = store.get(Task, 3)
    assert (moved.key, moved.plan, moved.pulls) == ("3-bbbbbbbb", "2-qqqqqqqq", ["1-uuuuuuuu"])
    assert store.get(Plan, 2).tasks == ["3-bbbbbbbb", "2-cccccccc"]
    assert store.get(Task, 2).depends_on == ["3-bbbbbbbb"]
    assert store.get(Pull, 1).task == "3-bbbbbbbb"
    outcome = store.get(Orchestration, 1).outcome
    assert outcome and (outcome.landed[0].task, outcome.ejected[0].task) == ("3-bbbbbbbb", "3-bbbbbbbb")
    assert store.get(Review, 1).findings[0].task == "3-bbbbbbbb"


def test_texts_and_names_of_branches_stay(store: Store) -> None:
    """A branch is called what it is called, here and at the remote."""
    put(store, *everything())
    renumber(store)
    moved = store.get(Task, 3)
    assert (moved.title, moved.branch) == ("1-bbbbbbbb", "refactory/tasks/1-bbbbbbbb")


def test_every_kind_of_reference_is_known() -> None:
    """A new field that holds keys must be added to the table in state/references.py."""
    names = {name for kind in KINDS for name in reference_fields(kind)}
    assert names == {"request", "plan", "task", "orchestration", "review"}
    found = {target for record in everything() for target, _ in references(record)}
    assert found == {Request, Plan, Task, Orchestration, Pull}


def test_the_audit_log_says_what_it_was(store: Store) -> None:
    put(store, request("1-aaaaaaaa"), request("1-bbbbbbbb"))
    renumber(store)
    logs = (store.location.records / "audit").glob("*.jsonl")
    lines = [msgspec.json.decode(line, type=Line) for log in logs for line in log.read_bytes().splitlines()]
    assert [(line.record, line.note) for line in lines] == [
        ("requests/2-bbbbbbbb", "renumbered, was 1-bbbbbbbb")
    ]


def test_the_old_key_is_still_understood(store: Store) -> None:
    """It stands in commits, in logs, in other people's scripts."""
    put(store, request("1-aaaaaaaa"), request("1-bbbbbbbb"))
    renumber(store)
    assert store.get(Request, "1-bbbbbbbb").key == "2-bbbbbbbb"
    with store.transaction("t") as changes:
        assert changes.get(Request, "1-bbbbbbbb").key == "2-bbbbbbbb"


def test_a_reference_made_elsewhere_meanwhile_is_brought_up_to_date(store: Store) -> None:
    put(store, request("2-bbbbbbbb"), Plan(key="1-pppppppp", request="1-bbbbbbbb"))
    assert outdated(store) == [Outdated(record="plans/1-pppppppp", key="1-bbbbbbbb", new_key="2-bbbbbbbb")]
    assert renumber(store) == []
    assert store.get(Plan, 1).request == "2-bbbbbbbb"
    assert outdated(store) == []


def test_a_dangling_reference_stays(store: Store) -> None:
    put(store, Plan(key="1-pppppppp", request="1-bbbbbbbb"))
    assert outdated(store) == []
    renumber(store)
    assert store.get(Plan, 1).request == "1-bbbbbbbb"


def test_a_record_renumbered_on_two_branches_gets_the_lower_number(store: Store) -> None:
    twice = [msgspec.structs.replace(request("1-x"), key=f"{number}-bbbbbbbb") for number in (2, 3)]
    put(store, request("1-aaaaaaaa"), *twice, request("3-cccccccc"))
    put(store, Plan(key="1-pppppppp", request="3-bbbbbbbb"))
    assert doubles(store) == [Double(folder="requests", key="2-bbbbbbbb", extra="3-bbbbbbbb")]
    assert collisions(store) == [], "the number 3 is free as soon as the double is gone"
    renumber(store)
    assert store.keys(Request) == ["1-aaaaaaaa", "2-bbbbbbbb", "3-cccccccc"]
    assert store.get(Plan, 1).request == "2-bbbbbbbb"
    assert doubles(store) == []


def test_its_two_files_must_say_the_same(store: Store) -> None:
    put(store, request("2-bbbbbbbb"), request("3-bbbbbbbb"))
    before = files(store)
    with pytest.raises(Conflict, match="two files differ"):
        renumber(store)
    assert files(store) == before


def test_not_while_an_agent_works(store: Store) -> None:
    put(store, *everything())
    before = files(store)
    leases.write(store.location.private, leases.offer(store.location.private, "1-bbbbbbbb", "a", None, 60))
    with pytest.raises(Busy, match="a works on task"):
        renumber(store)
    assert files(store) == before


def test_not_while_a_record_is_unreadable(store: Store) -> None:
    """It may hold a reference."""
    put(store, *everything())
    store.path(Pull, "1-uuuuuuuu").write_text("<<<<<<< ours\n", encoding="utf-8")
    before = files(store)
    with pytest.raises(InvalidFile, match="1-uuuuuuuu"):
        renumber(store)
    assert files(store) == before


class Stop(BaseException):
    """As a kill: nothing of ours catches it."""


_left: list[int] = []


def _stop_at(event: str, arguments: tuple[object, ...]) -> None:
    """The interpreter's audit hook: says of every file that it is about to be written aside, moved or removed."""
    counted = event == "os.rename" or (event == "open" and "/staged/" in str(arguments[0]))
    # What an earlier stop left aside is swept away first: that is not counted, or stops would be passed over.
    if _left and (counted or (event == "os.remove" and "/staged/" not in str(arguments[0]))):
        _left[0] -= 1
        if _left[0] < 0:
            raise Stop


def test_a_kill_in_between_leaves_it_whole(store: Store) -> None:
    """Stopped before each file that it writes aside, moves or removes: none of it is done, or all."""
    put(store, *everything())
    before = files(store)
    renumber(store)
    after = files(store)
    sys.addaudithook(_stop_at)
    seen = []
    for calls in range(60):
        _reset(store, before)
        _left[:] = [calls]
        try:
            renumber(store)
            finished = True
        except Stop:
            finished = False
        _left.clear()
        seen.append(files(Store.open(store.location.root)))
        if finished:
            break
    assert finished
    assert all(state in (before, after) for state in seen)
    assert seen.count(after) > 5 and before in seen, "it was stopped at several points"


def _reset(store: Store, to: dict[str, bytes]) -> None:
    for name in files(store):
        if name not in to:
            (store.location.records / name).unlink()
    for name, data in to.items():
        (store.location.records / name).write_bytes(data)


def test_numbers_after_it_are_free(store: Store) -> None:
    put(store, request("1-aaaaaaaa"), request("1-bbbbbbbb"))
    renumber(store)
    with store.transaction("t") as changes:
        made = changes.new(Request, title="new")
    assert number_of(made.key) == 3
    assert made.created <= now()
