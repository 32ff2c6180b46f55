from __future__ import annotations

import pytest

from agents.planner import plan
from state.errors import Conflict, UsageError
from state.records import Plan, Request, Task
from state.store import Store
from tests.conftest import Repo

LIST = """\
Money first, then text.

## Money
scope: money.py
acceptance: `python3 -m unittest`

Amounts in cents.

## Text
id: text
scope: text.py
depends on: Money
"""


def request(store: Store, description: str = "") -> Request:
    with store.transaction("test") as changes:
        return changes.new(Request, title="Invoices", description=description)


def tasks(store: Store, made: Plan) -> list[Task]:
    return [store.get(Task, key) for key in made.tasks]


def test_a_list_in_the_description_becomes_tasks(store: Store) -> None:
    made = plan(store, request(store, LIST).key, None, None)
    money, text = tasks(store, made)
    assert (money.title, money.scope, money.acceptance) == ("Money", ["money.py"], ["python3 -m unittest"])
    assert money.detail == "Amounts in cents."
    assert (text.depends_on, text.scope) == ([money.key], ["text.py"])
    assert made.design == "Money first, then text."
    assert (made.state, store.get(Request, 1).state) == ("approved", "planned")


def test_without_a_list_it_is_one_task(store: Store) -> None:
    (task,) = tasks(store, plan(store, request(store, "Just do it.").key, None, None))
    assert (task.title, task.detail) == ("Invoices", "Just do it.")


def test_a_file_wins_over_the_description(store: Store) -> None:
    text = "- title: From YAML\n  scope: [a.py]\n  depends_on: []\n"
    (task,) = tasks(store, plan(store, request(store, LIST).key, text, None))
    assert task.title == "From YAML"


def test_what_is_ticked_is_named(store: Store) -> None:
    made = plan(store, request(store).key, "- [x] Old\n- [ ] New\n  scope: a.py\n", None)
    assert made.warnings == ["ticked, so left out: `Old`"]
    assert [task.title for task in tasks(store, made)] == ["New"]


def test_a_file_without_a_list_is_one_task_and_said_to_be(store: Store) -> None:
    made = plan(store, request(store).key, "# One\n\n# Two\n", None)
    assert len(tasks(store, made)) == 1
    assert any("no task list is found" in warning for warning in made.warnings)
    assert not any(
        "no task list" in each for each in plan(store, request(store).key, "## One\n", None).warnings
    )


def test_warnings_name_tasks_in_the_order_of_the_list(store: Store) -> None:
    made = plan(store, request(store).key, "".join(f"- t {n}\n" for n in (9, 100, 101, 1000)), None)
    assert made.warnings == ["without a scope, a task may change any file: `t 9`, `t 100`, `t 101`, `t 1000`"]


def test_an_empty_list_is_refused_with_the_page_that_shows_one(store: Store) -> None:
    with pytest.raises(UsageError) as caught:
        plan(store, request(store).key, " \n", None)
    assert "docs/how-it-works.md" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("## A\ndepends on: B\n\n## B\ndepends on: A\n", "cycle|->"),
        ("## A\ndepends on: nowhere\n", "nowhere"),
    ],
)
def test_an_impossible_list_is_refused_whole(store: Store, text: str, reason: str) -> None:
    made = request(store)
    with pytest.raises(UsageError, match=reason):
        plan(store, made.key, text, None)
    assert store.all(Plan) == []
    assert store.all(Task) == []
    assert store.get(Request, 1).state == "open"


def test_overlapping_scopes_are_serialised_or_warned_about(repo: Repo, store: Store) -> None:
    text = "## A\nscope: src/**\n\n## B\nscope: src/b.py\n\n## C\n"
    made = plan(store, request(store).key, text, None)
    first, second, third = tasks(store, made)
    assert [one.after for one in (first, second, third)] == [[], [first.key], []]
    assert second.depends_on == []
    assert made.warnings == [
        "without a scope, a task may change any file: `C`",
        "2 of 3 tasks run one by one, as their scopes overlap: `A`, `B`; narrower scopes, or "
        "`planner.overlaps: warn`, let them run at once",
    ]
    (repo.path / ".refactory" / "config.yaml").write_text("planner:\n  overlaps: warn\n")
    made = plan(Store(store.location), request(store).key, text, None)
    assert any("change the same files" in warning for warning in made.warnings)
    assert [one.after for one in tasks(store, made)] == [[], [], []]


def test_a_request_that_is_over_is_not_planned_again(store: Store) -> None:
    made = request(store)
    with store.transaction("test") as changes:
        from state.lifecycle import move

        changes.put(move(made, "cancelled"))
    with pytest.raises(Conflict, match="cancelled"):
        plan(store, made.key, None, None)
