"""Who turned the combination red. Each run of the tests is counted in a file that they write to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agents.reconciler import reconcile
from state.errors import WorkFailed
from state.records import Ejected, Outcome, Task
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Repo

Combined = Callable[[str, int], Outcome]

# A JUnit report, so that failures have names, and the target is run to compare with.
NAMED = """\
{red} && found='<failure message="bad"/>';
echo "<testsuite tests='1'><testcase name='t'>$found</testcase></testsuite>" > "$REFACTORY_JUNIT";
[ -z "$found" ]"""


@pytest.fixture
def combined(repo: Repo, store: Store, tmp_path: Path) -> Combined:
    """So many tasks, each with a file of its own: `red` is a shell test of the combination that must not hold."""

    def reconciled(red: str, count: int) -> Outcome:
        runs = tmp_path / "runs"
        command = red if "$found" in red else f"! {{ {red}; }}"
        script = f"echo run >> {runs}; {command}".replace("\n", " ")
        (repo.path / ".refactory" / "config.yaml").write_text(
            f"sandbox:\n  mode: none\ntest:\n  command: |\n    {script}\n"
        )
        names = [f"T{number:02}" for number in range(1, count + 1)]
        plan = planned(store, *names)
        for name in names:
            complete(store, repo, name, {name: "x\n"})
        outcome = reconcile(store, plan.key).outcome
        assert outcome is not None
        assert outcome.test_runs == len(runs.read_text().splitlines()), "every run is counted"
        return outcome

    return reconciled


def number(ejected: Ejected) -> int:
    return int(ejected.task.partition("-")[0])


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("bad", "others", "named"),
    [
        (11, "T01", False),
        (16, "T0*", True),
        pytest.param(11, "T01", True, marks=SLOW),
        pytest.param(1, "T16", True, marks=SLOW),
        pytest.param(8, "T07", False, marks=SLOW),
    ],
)
def test_a_bad_task_among_sixteen(combined: Combined, bad: int, others: str, named: bool) -> None:
    """Green alone, red together: at most eight test runs with the repetition and the run of what lands."""
    red = f"[ -e T{bad:02} ] && ls {others} > /dev/null 2>&1"
    done = combined(NAMED.format(red=red) if named else red, 16)
    assert (len(done.ejected), len(done.landed), done.state) == (1, 15, "partial")
    assert {number(done.ejected[0])} <= {bad, int(others[1:].replace("*", "0") or 0)}
    assert done.test_runs <= 8
    assert done.ejected[0].detail.startswith(("without it the other 15 are green", "it fails "))


def test_the_pair_that_only_fails_together_is_named(combined: Combined, store: Store) -> None:
    done = combined("[ -e T01 ] && [ -e T04 ]", 5)
    (ejected,) = done.ejected
    assert number(ejected) == 4
    assert ejected.detail.startswith("it fails together with task 1: without it the other 4 are green")
    assert ejected.against == [task_titled(store, "T01").branch]
    feedback = task_titled(store, "T04").feedback
    assert "it fails together with task 1" in feedback


def test_neighbours_that_only_fail_together(combined: Combined) -> None:
    done = combined("[ -e T02 ] && [ -e T03 ]", 3)
    assert [number(ejected) for ejected in done.ejected] == [3]
    assert "together with task 2" in done.ejected[0].detail


def test_two_bad_tasks_are_both_found(combined: Combined, store: Store) -> None:
    done = combined("[ -e T02 ] || [ -e T05 ]", 6)
    assert sorted(map(number, done.ejected)) == [2, 5]
    assert len(done.landed) == 4
    assert {task.state for task in store.all(Task)} == {"completed", "assigned"}


def test_a_failure_that_does_not_return_blames_nobody(combined: Combined, tmp_path: Path) -> None:
    done = combined(f"! [ -e {tmp_path}/seen ] && touch {tmp_path}/seen", 4)
    assert (done.state, len(done.landed)) == ("complete", 4)
    assert done.test_runs <= 3


def test_a_red_target_is_told_apart_from_a_bad_task(combined: Combined) -> None:
    with pytest.raises(WorkFailed, match="no task is to blame"):
        combined("true", 4)
