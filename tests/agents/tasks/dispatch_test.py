from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from agents.orchestrator import orchestrate
from agents.tasks.completion import cancel, report, report_tests, retry, rework
from agents.tasks.dispatch import claim, release, renew
from agents.tasks.work import Report
from state import leases
from state.errors import BudgetReached, Conflict
from state.records import Budgets, Orchestration, Pull, Task, Tests, Usage
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Repo

COMMIT = "0" * 40
DEAD = 2**22 + 12345  # no process has it


def test_of_many_that_ask_at_once_one_gets_the_task(store: Store) -> None:
    planned(store, "One")
    start = threading.Barrier(8)

    def ask(_: int) -> bool:
        start.wait()
        return claim(Store(store.location), "coder-1", "coder", None) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 1
    assert task_titled(store, "One").attempts == 1


def test_a_task_waits_for_what_it_depends_on(repo: Repo, store: Store) -> None:
    planned(store, "Last", "First", after={"Last": ["First"]})
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    assert given.task.title == "First"
    assert claim(store, "coder-1", "coder", None) is None
    release(store, given.task.key, given.token)
    done = complete(store, repo, "First", {"first.txt": "x\n"})
    second = claim(store, "coder-1", "coder", None)
    assert second is not None
    assert [(parent.task, parent.commit) for parent in second.parents] == [(done.key, done.commit)]


def test_a_late_holder_is_refused_and_the_audit_log_says_so(store: Store) -> None:
    planned(store, "One")
    first = claim(store, "coder-1", "coder", None)
    assert first is not None
    expire(store, first.task.key)
    second = claim(store, "coder-1", "coder", None)
    assert second is not None
    assert second.token > first.token
    assert second.task.attempts == 1, "the attempt goes on, it is not a new one"
    with pytest.raises(Conflict, match="is over"):
        report(store, "coder-1", first.task.key, first.token, Report(commit=COMMIT))
    with pytest.raises(Conflict):
        renew(store, first.task.key, first.token)
    assert store.all(Pull) == []
    log = next((store.location.records / "audit").glob("*.jsonl")).read_text()
    assert "refused a report of coder-1" in log
    report(store, "coder-1", second.task.key, second.token, Report(commit=COMMIT))
    assert task_titled(store, "One").state == "testing"


def test_a_paused_holder_is_refused_even_if_nobody_followed(store: Store) -> None:
    planned(store, "One")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    expire(store, given.task.key)
    with pytest.raises(Conflict):
        report(store, "coder-1", given.task.key, given.token, Report(commit=COMMIT))


def expire(store: Store, task: str) -> None:
    lease = leases.find(store.location.private, task)
    assert lease is not None
    leases.write(store.location.private, replace(lease, until=0.0))


def test_a_claim_of_a_dead_process_is_free_at_once(store: Store) -> None:
    planned(store, "One")
    assert claim(store, "coder-1", "coder", DEAD) is not None
    assert claim(store, "coder-1", "coder", None) is not None


def test_a_task_that_its_coders_die_at_fails_and_says_so(store: Store) -> None:
    planned(store, "First", "Last", "Other", after={"Last": ["First"]})
    for _ in range(3):
        given = claim(store, "coder-1", "coder", DEAD)
        assert given is not None
        assert (given.task.title, given.task.attempts) == ("First", 1)
    after = claim(store, "coder-1", "coder", None)
    assert after is not None
    assert after.task.title == "Other"
    first, last = task_titled(store, "First"), task_titled(store, "Last")
    assert (first.state, last.state) == ("failed", "blocked")
    assert "was gone 3 times" in first.feedback
    assert store.get(Pull, first.pulls[0]).failure == first.feedback
    retry(store, first.key)
    assert claim(store, "coder-1", "coder", None) is not None


def test_tests_that_their_testers_die_at_go_back_to_the_coder(store: Store) -> None:
    planned(store, "One")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    report(store, "coder-1", given.task.key, given.token, Report(commit=COMMIT))
    for _ in range(3):
        assert claim(store, "tester-1", "tester", DEAD) is not None
    assert claim(store, "tester-1", "tester", None) is None
    one = task_titled(store, "One")
    assert (one.state, one.attempts) == ("assigned", 1)
    assert "its tester was gone 3 times" in one.feedback


def test_a_claim_that_is_given_back_is_not_lost(store: Store) -> None:
    planned(store, "One")
    for _ in range(5):
        given = claim(store, "coder-1", "coder", None)
        assert given is not None
        release(store, given.task.key, given.token)
    assert task_titled(store, "One").state == "assigned"


def test_attempts_are_bounded_and_dependents_blocked(store: Store) -> None:
    planned(store, "First", "Last", after={"Last": ["First"]})
    for attempt in (1, 2, 3):
        given = claim(store, "coder-1", "coder", None)
        assert given is not None
        assert given.task.attempts == attempt
        report(store, "coder-1", given.task.key, given.token, Report(failure=f"no luck {attempt}"))
    first, last = task_titled(store, "First"), task_titled(store, "Last")
    assert (first.state, first.feedback, last.state) == ("failed", "no luck 3", "blocked")
    assert "task 1" in last.feedback
    assert len(store.all(Pull)) == 3, "each attempt is on record"
    retry(store, first.key)
    assert (task_titled(store, "First").state, task_titled(store, "Last").state) == ("assigned", "assigned")
    assert task_titled(store, "First").attempts == 0


def test_a_report_twice_is_one_pull(store: Store) -> None:
    planned(store, "One")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    first = report(
        store, "coder-1", given.task.key, given.token, Report(commit=COMMIT, pr_url="https://x.org/1")
    )
    again = report(
        store, "coder-1", given.task.key, given.token, Report(commit=COMMIT, pr_url="https://x.org/1")
    )
    assert (first[1], again[1]) == (True, False)
    assert first[0] == again[0]


def test_a_used_up_token_budget_stops_the_next_claim(store: Store) -> None:
    plan = planned(store, "One", "Two")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    usage = Usage(model="m", requests=1, input_tokens=900, output_tokens=100)
    report(store, "coder-1", given.task.key, given.token, Report(commit=COMMIT, usage=usage))
    with store.transaction("test") as changes:
        (orchestration,) = changes.all(Orchestration, lambda record: record.plan == plan.key)
        changes.put(replace(orchestration, budgets=Budgets(tokens=1000)))
    with pytest.raises(BudgetReached, match="1000 tokens"):
        claim(store, "coder-1", "coder", None)
    assert task_titled(store, "Two").state == "assigned"


def test_rework_sends_back_what_was_built_on_it(repo: Repo, store: Store) -> None:
    planned(store, "First", "Last", after={"Last": ["First"]})
    complete(store, repo, "First", {"first.txt": "x\n"})
    complete(store, repo, "Last", {"last.txt": "x\n"})
    rework(store, task_titled(store, "First").key, None, "wrong")
    first, last = task_titled(store, "First"), task_titled(store, "Last")
    assert (first.state, first.feedback, first.attempts) == ("assigned", "wrong", 1)
    assert (last.state, last.attempts) == ("assigned", 0)


def test_cancel_ends_the_lease(store: Store) -> None:
    planned(store, "One")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    cancel(store, given.task.key, "no")
    with pytest.raises(Conflict):
        report(store, "coder-1", given.task.key, given.token, Report(commit=COMMIT))
    assert store.get(Task, given.task.key).state == "cancelled"


def test_a_finished_task_built_on_a_cancelled_one_is_blocked_and_freed_by_a_retry(
    repo: Repo, store: Store
) -> None:
    planned(store, "A", "B", "C", after={"B": ["A"], "C": ["B"]})
    complete(store, repo, "A", {"a.txt": "x\n"})
    complete(store, repo, "B", {"b.txt": "x\n"})
    cancel(store, task_titled(store, "A").key, "no")
    assert [task_titled(store, title).state for title in "ABC"] == ["cancelled", "blocked", "blocked"]
    with pytest.raises(Conflict, match="is blocked"):
        retry(store, task_titled(store, "C").key)
    retry(store, task_titled(store, "A").key)
    assert [task_titled(store, title).state for title in "ABC"] == ["assigned"] * 3


def test_what_depends_on_a_cancelled_task_stays_blocked_when_the_plan_is_asked_for_again(
    store: Store,
) -> None:
    plan = planned(store, "A", "B", "C", after={"B": ["A"]})
    cancel(store, task_titled(store, "A").key, "no")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    report(store, "coder-1", given.task.key, given.token, Report(failure="x", final=True))
    orchestrate(store, plan.key, None, None, None, None)
    assert [task_titled(store, title).state for title in "ABC"] == ["cancelled", "blocked", "assigned"]


def test_a_coder_on_top_of_rejected_work_can_not_report(repo: Repo, store: Store) -> None:
    planned(store, "A", "B", after={"B": ["A"]})
    complete(store, repo, "A", {"a.txt": "x\n"})
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    rework(store, task_titled(store, "A").key, None, "wrong")
    with pytest.raises(Conflict):
        report(store, "coder-1", given.task.key, given.token, Report(commit=COMMIT))


def test_a_verdict_needs_the_lease(repo: Repo, store: Store) -> None:
    planned(store, "A")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    report(store, "coder-1", given.task.key, given.token, Report(commit=COMMIT))
    with pytest.raises(Conflict):
        report_tests(store, given.task.key, given.token, COMMIT, Tests(verdict="passed"))
