"""Task branches merged in memory."""

from __future__ import annotations

from agents.git.repository import Repository
from agents.reconcile.combination import combine
from agents.reconcile.merging import Merger
from state.records import Plan, Task
from tests.conftest import Repo

PLAN = Plan(key="1-aaaaaaaa", request="1-aaaaaaaa")


def task(number: int, commit: str, depends_on: list[str] | None = None) -> Task:
    key = f"{number}-aaaaaaaa"
    return Task(key=key, plan=PLAN.key, title=f"T{number}", commit=commit, depends_on=depends_on or [])


def branch(repo: Repo, onto: str, name: str) -> str:
    repo.git("checkout", "-q", "--detach", onto)
    return repo.commit({name: name})


def landed(repo: Repo, onto: str, tasks: list[Task]) -> list[str]:
    done = combine(Merger(Repository(repo.path / ".git"), [], strict=lambda: True), PLAN, onto, tasks, [])
    assert not done.ejected
    return [step.task.title for step in done.steps]


def test_dependencies_first_then_by_number(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    third = branch(repo, base, "c")
    first = branch(repo, third, "a")
    tasks = [task(1, first, ["3-aaaaaaaa"]), task(2, branch(repo, base, "b")), task(3, third)]
    assert landed(repo, base, tasks) == ["T2", "T3", "T1"]


def test_a_task_done_again_on_top_of_others_comes_after_them(repo: Repo) -> None:
    """Else the others would change nothing any more, and would never count as landed."""
    base = repo.git("rev-parse", "HEAD")
    first, third = task(1, branch(repo, base, "a")), task(3, branch(repo, base, "c"))
    onto = combine(
        Merger(Repository(repo.path / ".git"), [], strict=lambda: True), PLAN, base, [first, third], []
    ).head
    again = task(2, branch(repo, onto, "b"))
    assert landed(repo, base, [first, again, third]) == ["T1", "T3", "T2"]


def test_tasks_with_one_commit_are_no_cycle(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    commit = branch(repo, base, "a")
    done = combine(
        Merger(Repository(repo.path / ".git"), [], strict=lambda: True),
        PLAN,
        base,
        [task(1, commit), task(2, commit)],
        [],
    )
    assert [step.task.title for step in done.steps] == ["T1"]
    assert [ejected.reason for ejected in done.ejected] == ["empty"]
