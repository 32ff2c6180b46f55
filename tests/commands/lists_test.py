"""Lists: what is cut off is told, and a number that two records share stands with its whole key."""

from __future__ import annotations

import pytest

from state.record_files import encode
from state.records import Plan, Request, Task
from state.store import Store
from tests.conftest import Refactory

SHARED = ("2-2kaks4q5", "2-z6e1m94f")


@pytest.fixture
def merged(store: Store) -> Store:
    """As after a merge of two branches that both made request, plan and task 2."""
    for key in ("1-aaaaaaaa", *SHARED):
        for record in (
            Request(key=key, title=f"made as {key}", state="done" if key == SHARED[0] else "open"),
            Plan(key=key, request=key, state="approved", tasks=[key]),
            Task(key=key, plan=key, title="t", state="pending"),
        ):
            path = store.path(type(record), key)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode(record))
    return store


@pytest.mark.parametrize("form", ["text", "ids"])
@pytest.mark.parametrize("command", ["request:list", "plan:list", "tasks:list"])
def test_what_is_cut_off_is_told(merged: Store, refactory: Refactory, command: str, form: str) -> None:
    whole = refactory.ok(command, "--format", form)
    assert whole.err == ""
    cut = refactory.ok(command, "--limit", "2", "--format", form)
    assert cut.err == "refactory: 2 of 3; --limit and --offset show the others\n"
    rest = refactory.ok(command, "--offset", "2", "--format", form)
    assert rest.err == "refactory: 1 of 3; --limit and --offset show the others\n"
    assert len(whole.out.splitlines()) - len(cut.out.splitlines()) == 1


def test_what_can_be_left_out_is_bounded(refactory: Refactory) -> None:
    """An index takes no number of more than 64 bits."""
    done = refactory.run("request:list", "--offset", "9" * 21)
    assert done.code == 2
    assert "--offset: expected a whole number from 0 to 999999999" in done.err


def test_the_envelope_has_it_already(merged: Store, refactory: Refactory) -> None:
    done = refactory.ok("request:list", "--limit", "2", "--json")
    assert (done.err, done.data["total"]) == ("", 3)


def test_the_audit_log_tells_it_too(refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "one")
    refactory.ok("request:create", "--title", "two")
    assert "1 of 2" in refactory.ok("audit:log", "--limit", "1").err


@pytest.mark.parametrize("command", ["request:list", "plan:list", "tasks:list"])
def test_a_number_of_two_records_stands_with_its_key(
    merged: Store, refactory: Refactory, command: str
) -> None:
    rows = [line.split()[0] for line in refactory.ok(command).out.splitlines()[1:]]
    assert rows == ["1", *SHARED]
    assert refactory.ok(command, "--format", "ids").out.split() == ["1", *SHARED]


def test_also_where_only_one_of_them_is_listed(merged: Store, refactory: Refactory) -> None:
    done = refactory.ok("request:list", "--state", "done", "--format", "ids").out.strip()
    assert done == SHARED[0]
    assert refactory.data("request:show", done)["title"] == "made as 2-2kaks4q5"


def test_status_tells_them_apart(merged: Store, refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "three")
    out = refactory.ok("status").out
    assert f"{SHARED[1]}  open" in out
    assert "3           open" in out


def test_the_number_alone_is_refused_with_titles_and_the_way_out(merged: Store, refactory: Refactory) -> None:
    done = refactory.run("request:show", "2")
    assert done.code == 4
    assert all(f"{key} (made as {key})" in done.err for key in SHARED)
    assert "`refactory doctor --fix`" in done.err


@pytest.mark.parametrize(
    ("command", "list_command"),
    [("request:show", "request:list"), ("plan:status", "plan:list"), ("task:inspect", "tasks:list")],
)
def test_where_there_is_none_the_list_is_named(refactory: Refactory, command: str, list_command: str) -> None:
    done = refactory.run(command, "9")
    assert done.code == 3
    assert f"`refactory {list_command}`" in done.err
