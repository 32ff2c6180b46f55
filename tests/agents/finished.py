"""Plans whose tasks are completed, without running agents: for tests of what comes after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.tasks.completion import report, report_tests
from agents.tasks.dispatch import claim
from agents.tasks.work import Report
from state.records import Plan, Request, Task, Tests
from state.store import Store
from tests.conftest import Repo

Files = Mapping[str, str | None]  # None removes it


def planned(
    store: Store, *titles: str, after: Mapping[str, Sequence[str]] | None = None, target: str = "main"
) -> Plan:
    """A plan orchestrated for one coder; `after` names what a task depends on, by title."""
    lines = [f"## {title}\ndepends on: {', '.join((after or {}).get(title, ()))}\n" for title in titles]
    text = "\n".join(line.replace("depends on: \n", "") for line in lines)
    with store.transaction("test") as changes:
        request = changes.new(Request, title="T")
    made = plan(store, request.key, text, "template")
    orchestrate(store, made.key, 1, target, None, None)
    return store.get(Plan, made.key)


def task_titled(store: Store, title: str) -> Task:
    return next(task for task in store.all(Task) if task.title == title)


def complete(store: Store, repo: Repo, title: str, files: Files, base: str | None = None) -> Task:
    """A commit with these files, on the task's base or its dependency's commit, reported and tested green."""
    found = task_titled(store, title)
    parents = [store.get(Task, key).commit for key in found.depends_on]
    start = base or found.base or (parents[0] if parents else None) or "main"
    repo.git("checkout", "-q", "--detach", start)
    for name in (name for name, text in files.items() if text is None):
        repo.git("rm", "-q", "--", name)
    repo.write({name: text for name, text in files.items() if text is not None})
    repo.git("add", "--", *(name for name, text in files.items() if text is not None))
    repo.git("commit", "-qm", title)
    commit = repo.git("rev-parse", "HEAD")
    branch = f"refactory/tasks/{found.key}"
    repo.git("branch", "-f", branch, commit)
    repo.git("checkout", "-q", "main")
    given = claim(store, "coder-1", "coder", None)
    assert given is not None
    assert given.task.key == found.key, f"claimed {given.task.title}, not {title}"
    base_commit = repo.git("rev-parse", f"{commit}^")
    report(store, "coder-1", found.key, given.token, Report(commit=commit, branch=branch, base=base_commit))
    tested = claim(store, "tester-1", "tester", None)
    assert tested is not None
    verdict = Tests(verdict="passed", tester="tester-1", commands=["true"])
    return report_tests(store, found.key, tested.token, commit, verdict)
