"""`depends_on` and `after` together: whatever becomes of the tasks, none of them waits for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.tasks.completion import cancel, report, report_tests, retry, rework
from agents.tasks.dispatch import claim, release
from agents.tasks.order import Order
from agents.tasks.work import Claim, Report
from state.lifecycle import DONE
from state.records import Plan, Pull, Request, Task, TaskState, Tests, Usage
from state.store import Store
from tests.agents.finished import complete, task_titled
from tests.conftest import Repo

DEAD = 2**22 + 12345  # no process has it
FAILED = Report(failure="the model's answer could not be applied")


def made(name: str, state: TaskState = "assigned", needs: str = "", after: str = "") -> Task:
    commit = "0" * 40 if state in DONE else None
    return Task(
        key=name, plan="p", title=name, state=state, commit=commit, depends_on=[*needs], after=[*after]
    )


def order(*tasks: Task) -> tuple[Order, Task]:
    """With the last one, which is asked about."""
    return Order({task.key: task for task in tasks}), tasks[-1]


@pytest.mark.parametrize("state", ["pending", "assigned", "in_progress"])
def test_it_waits_while_what_it_follows_may_finish(state: TaskState) -> None:
    among, last = order(made("a", state), made("b", after="a"))
    assert among.waits_for(last) == ["a"]
    assert among.starts_from(last) == []


@pytest.mark.parametrize("state", ["failed", "blocked", "cancelled"])
def test_what_stopped_holds_nobody(state: TaskState) -> None:
    among, last = order(made("a", state), made("b", after="a"))
    assert (among.waits_for(last), among.starts_from(last)) == ([], [])


def test_what_requires_a_task_that_failed_holds_nobody_though_nobody_said_it_is_blocked() -> None:
    among, last = order(made("a", "failed"), made("b", needs="a"), made("c", needs="b"), made("d", after="c"))
    assert among.waits_for(last) == []


def test_what_is_done_is_built_on() -> None:
    among, last = order(
        made("a", "completed"), made("b", "merged"), made("c", "completed"), made("d", needs="b", after="ac")
    )
    assert among.waits_for(last) == []
    assert among.starts_from(last) == ["b", "a", "c"]
    assert among.starts_from(last, alone=True) == ["b"]


def test_in_place_of_a_stopped_one_stands_what_that_one_waited_for() -> None:
    """Scopes overlap a-b, b-c and a-c: c says only that it follows b."""
    among, last = order(made("a", "in_progress"), made("b", "cancelled", after="a"), made("c", after="b"))
    assert among.waits_for(last) == ["a"]
    among, last = order(
        made("a", "completed"), made("b", "blocked", needs="x", after="a"), made("c", after="b")
    )
    assert among.starts_from(last) == ["a"]


def test_beside_one_made_without_what_it_followed_stands_that() -> None:
    """Else c would start from b alone, though it overlaps with a, too."""
    without = made("b", "completed", after="a")
    among, last = order(made("a", "completed"), without, made("c", after="b"))
    assert among.starts_from(last) == ["a", "b"]
    among, last = order(made("a", "completed"), replace(without, built_on=["a"]), made("c", after="b"))
    assert among.starts_from(last) == ["b"]


Edges = list[tuple[list[int], list[int]]]
GRAPHS: st.SearchStrategy[Edges] = st.integers(1, 12).flatmap(
    lambda count: st.tuples(*(_edges(n) for n in range(count))).map(list)
)


def _edges(number: int) -> st.SearchStrategy[tuple[list[int], list[int]]]:
    """Only to tasks before it, so that there is no cycle."""
    some = st.lists(st.integers(0, number - 1), max_size=3, unique=True) if number else st.just([])
    return st.tuples(some, some)


@settings(max_examples=40, deadline=None)
@given(GRAPHS, st.data())
def test_every_task_ends_or_is_blocked_by_a_requirement(edges: Edges, data: st.DataObject) -> None:
    """Any number at once, which begin and end in any order."""
    tasks = {
        str(n): replace(made(str(n)), depends_on=[*map(str, needs)], after=[*map(str, after)])
        for n, (needs, after) in enumerate(edges)
    }
    while open_ := [task for task in tasks.values() if task.state in ("assigned", "in_progress")]:
        among = Order(tasks)
        ready = [task for task in open_ if task.state == "in_progress" or not among.waits_for(task)]
        blocked = [task for task in open_ if _required(task, tasks) & {"failed", "cancelled", "blocked"}]
        if not ready:
            assert blocked == open_, "nobody can begin, though not all of them lack what they require"
            break
        task = data.draw(st.sampled_from(ready))
        begun = task.state == "in_progress"
        ends = ["completed", "failed", "cancelled"] if begun else ["in_progress"]
        tasks[task.key] = replace(task, state=data.draw(st.sampled_from(ends)), commit="0" * 40)
        if not begun:
            _starts_from_all_that_is_done(task, among, tasks)


def _required(task: Task, tasks: dict[str, Task]) -> set[str]:
    """The states of all that it can't do without, directly or not."""
    found = [tasks[key] for key in task.depends_on]
    return {one.state for one in found}.union(*(_required(one, tasks) for one in found))


def _starts_from_all_that_is_done(task: Task, among: Order, tasks: dict[str, Task]) -> None:
    started = among.starts_from(task)
    assert set(started) >= {key for key in task.after if tasks[key].state == "completed"}
    assert all(tasks[key].state == "completed" for key in started)


@pytest.fixture
def three(store: Store) -> Plan:
    """B follows A, C requires B, D follows A, too: one coder, two attempts for each."""
    (store.location.records / "config.yaml").write_text("budgets:\n  attempts: 2\n")
    return orchestrated(
        Store(store.location),
        [("A", [], []), ("B", [], ["A"]), ("C", ["B"], []), ("D", [], ["A"])],
    )


def orchestrated(store: Store, tasks: Iterable[tuple[str, list[str], list[str]]]) -> Plan:
    lines = [
        f"- title: {title}\n  depends_on: [{', '.join(needs)}]\n  after: [{', '.join(after)}]\n"
        for title, needs, after in tasks
    ]
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    done = plan(store, request.key, "".join(lines), "template")
    orchestrate(store, done.key, 1, "main", None, None)
    return done


def begun(store: Store) -> Claim:
    given_ = claim(store, "coder-1", "coder", None)
    assert given_ is not None
    return given_


def states(store: Store) -> dict[str, str]:
    return {task.title: task.state for task in store.all(Task)}


@pytest.mark.usefixtures("three")
def test_it_starts_from_what_it_follows(repo: Repo, store: Store) -> None:
    first = complete(store, repo, "A", {"a": "1\n"})
    given_ = begun(store)
    assert given_.task.title == "B"
    assert [(parent.task, parent.commit) for parent in given_.parents] == [(first.key, first.commit)]
    assert given_.task.built_on == [first.key]


@pytest.mark.usefixtures("three")
def test_what_was_built_on_a_task_put_out_is_done_again_after_it(repo: Repo, store: Store) -> None:
    first = complete(store, repo, "A", {"a": "1\n"})
    second = complete(store, repo, "B", {"b": "1\n"}, base=first.commit)
    complete(store, repo, "C", {"c": "1\n"}, base=second.commit)
    rework(store, first.key, None, "it is red together with others")
    assert states(store) == {"A": "assigned", "B": "assigned", "C": "assigned", "D": "assigned"}
    assert (task_titled(store, "B").attempts, task_titled(store, "B").built_on) == (0, [])
    pull = store.get(Pull, task_titled(store, "B").pulls[0])
    assert pull.sent_back is not None
    assert pull.sent_back.why == "dependency"
    assert begun(store).task.title == "A"
    assert claim(store, "coder-1", "coder", None) is None


@pytest.mark.parametrize("way", ["cancelled", "failed"])
@pytest.mark.usefixtures("three")
def test_what_was_built_on_a_task_that_is_out_is_done_again_without_it(
    repo: Repo, store: Store, way: Literal["cancelled", "failed"]
) -> None:
    first = complete(store, repo, "A", {"a": "1\n"})
    complete(store, repo, "B", {"b": "1\n"}, base=first.commit)
    if way == "cancelled":
        cancel(store, first.key, "not wanted")
    else:
        rework(store, first.key, None, "it is red")
        report(store, "coder-1", first.key, begun(store).token, FAILED)
    assert states(store) == {"A": way, "B": "assigned", "C": "assigned", "D": "assigned"}
    given_ = begun(store)
    assert (given_.task.title, given_.parents) == ("B", [])
    assert "is done again" not in given_.task.feedback


def test_an_attempt_that_gave_nothing_on_top_of_others_is_made_without_them(
    repo: Repo, store: Store, three: Plan
) -> None:
    """To be merged afterwards. One that is given back does not count as such."""
    assert three
    first = complete(store, repo, "A", {"a": "1\n"})
    given_ = begun(store)
    release(store, given_.task.key, given_.token, Usage(requests=1))
    given_ = begun(store)
    assert (given_.task.attempts, given_.task.built_on) == (1, [first.key])
    report(store, "coder-1", given_.task.key, given_.token, FAILED)
    for _ in range(2):  # the first one dies: what carries the attempt on starts where it did
        again = claim(store, "coder-1", "coder", DEAD)
        assert again is not None
        assert (again.task.title, again.task.attempts, again.parents) == ("B", 2, [])


def test_a_task_tried_again_late_does_not_hold_those_that_went_on(
    repo: Repo, store: Store, three: Plan
) -> None:
    assert three
    for _ in range(2):
        given_ = begun(store)
        assert given_.task.title == "A"
        report(store, "coder-1", given_.task.key, given_.token, FAILED)
    second = begun(store)
    assert (second.task.title, second.parents) == ("B", [])
    retry(store, task_titled(store, "A").key)
    report(store, "coder-1", second.task.key, second.token, Report(commit=repo.git("rev-parse", "main")))
    tested = claim(store, "tester-1", "tester", None)
    assert tested is not None
    report_tests(store, tested.task.key, tested.token, tested.task.commit or "", Tests(verdict="passed"))
    assert states(store) == {"A": "assigned", "B": "completed", "C": "assigned", "D": "assigned"}
    first = complete(store, repo, "A", {"a": "1\n"})
    assert task_titled(store, "B").state == "completed"
    cancel(store, first.key, "after all")
    assert task_titled(store, "B").state == "completed", "it was not built on it"


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_plan_comes_to_its_end_whatever_happens(repo: Repo, store: Store, data: st.DataObject) -> None:
    """The same with records: attempts that fail, red tests, cancelled and sent back when they are done."""
    count = data.draw(st.integers(2, 5))
    edges = data.draw(st.tuples(*(_edges(n) for n in range(count))))
    titles = [f"T{n}" for n in range(count)]
    made_ = orchestrated(
        store,
        [
            (f"T{n}", [titles[i] for i in needs], [titles[i] for i in after])
            for n, (needs, after) in enumerate(edges)
        ],
    )
    mine = f"{made_.key}"
    for _ in range(60):
        given_ = claim(store, "coder-1", "coder", None, mine) or claim(
            store, "tester-1", "tester", None, mine
        )
        if given_ is None:
            break
        _happens(store, given_, data, repo.git("rev-parse", "main"))
    tasks = {task.key: task for task in store.all(Task, lambda task: task.plan == mine)}
    for task in tasks.values():
        assert task.state in ("completed", "failed", "cancelled", "blocked")
        lacks = _required(task, tasks) & {"failed", "cancelled", "blocked"}
        assert bool(lacks) == (task.state == "blocked") or task.state in ("failed", "cancelled")
        assert task.state != "completed" or all(tasks[key].state == "completed" for key in task.built_on)


def _happens(store: Store, given_: Claim, data: st.DataObject, commit: str) -> None:
    key, good = given_.task.key, data.draw(st.sampled_from([True, True, False]))
    if given_.task.state == "in_progress":
        done = Report(commit=commit) if good else FAILED
        report(store, "coder-1", key, given_.token, done)
        return
    report_tests(store, key, given_.token, commit, Tests(verdict="passed" if good else "failed"))
    if good and data.draw(st.integers(0, 3)) == 0:
        if data.draw(st.booleans()):
            cancel(store, key, "")
        elif store.get(Task, key).attempts < 3:
            rework(store, key, None, "red together")
