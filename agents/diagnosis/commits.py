"""Commits and branches that the records name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable, found
from agents.git.refs import branch_ref, task_branch
from agents.worktrees.attempts import settle
from state.keys import number_of
from state.lifecycle import COMMITTED, SETTLED
from state.records import Launch, Orchestration, Plan, Pull, Task

_FETCH = "fetch it from a clone that has it: git fetch CLONE 'refs/*:refs/refactory/remote/*'"


def bases(evidence: Evidence) -> Iterator[Found]:
    """All work of a plan starts from a pinned commit, and goes to a branch. With a remote both may be there only."""
    plans = evidence.records(Plan)
    at_work = [
        record
        for record in evidence.records(Orchestration).values()
        if record.plan in plans and plans[record.plan].state == "orchestrated" and record.remote is None
    ]
    missing = evidence.missing(record.base for record in at_work)
    for record in at_work:
        name = f"orchestration {number_of(record.key)}"
        if record.base in missing:
            yield found("base", f"{name}: its base {record.base[:12]} is missing", _FETCH)
        if branch_ref(record.target_branch) not in evidence.refs:
            message = f"{name}: its target branch {record.target_branch} is missing"
            yield found(
                "base", message, f"`git branch {record.target_branch} {record.base[:12]}` makes it again"
            )


def results(evidence: Evidence) -> Iterator[Found]:
    """A finished task's commit must be here; its branch can be set again from the record."""
    done = [
        (task, task.commit)
        for task in evidence.records(Task).values()
        if task.commit and task.state in COMMITTED
    ]
    missing = evidence.missing(commit for _, commit in done)
    for task, commit in done:
        if commit in missing and not _at_remote(evidence, task.orchestration):
            message = f"task {number_of(task.key)} is {task.state}, but its commit {commit[:12]} is missing"
            yield found("commit", message, f"{_FETCH}; or `refactory task:rework` it")
        elif commit not in missing and task.branch == task_branch(task.key):
            yield from _branch(evidence, task, task.branch, commit)


def _at_remote(evidence: Evidence, orchestration: str | None) -> bool:
    """Its agents share code by a remote: what is not here yet is fetched when it is needed."""
    record = evidence.records(Orchestration).get(orchestration or "")
    return record is not None and record.remote is not None


def _branch(evidence: Evidence, task: Task, branch: str, commit: str) -> Iterator[Found]:
    here = evidence.refs.get(branch_ref(branch))
    if here == commit:
        return
    where = f"is at {here[:12]}, not at its result {commit[:12]}" if here else "is missing"
    message = f"task {number_of(task.key)}: branch {branch} {where}"
    if branch_ref(branch) in evidence.checked_out:
        yield found("branch", message, "it is checked out; switch to another branch there")
    else:
        yield fixable("branch", message, "set it again", partial(_settle, evidence, task.key))


def _settle(evidence: Evidence, key: str, _backup: Backup) -> None:
    """It keeps what the branch was at by a backup ref of its own."""
    settle(evidence.store, key)


def attempts(evidence: Evidence) -> Iterator[Found]:
    """Earlier attempts' commits, as long as the task may still need them."""
    tasks = evidence.records(Task)
    made = [
        (pull, pull.commit)
        for pull in evidence.records(Pull).values()
        if pull.commit and pull.task in tasks and tasks[pull.task].state not in SETTLED
        and pull.commit != tasks[pull.task].commit
    ]  # fmt: skip
    missing = evidence.missing(commit for _, commit in made)
    for pull, commit in made:
        if commit in missing and not _at_remote(evidence, pull.orchestration):
            message = f"pull {number_of(pull.key)} of task {number_of(pull.task)}: its commit {commit[:12]} is missing"
            yield found("commit", message, _FETCH)


def landings(evidence: Evidence) -> Iterator[Found]:
    """What was merged must still be there; a branch may be reset, or rebased."""
    onto = defaultdict(list)
    for launch in evidence.records(Launch).values():
        target = evidence.refs.get(branch_ref(launch.landing.target_branch))
        if launch.landing.how == "merge" and target:
            onto[target].append(launch)
    for target, launches in onto.items():
        gone = _not_in(evidence, target, {launch.landing.commit for launch in launches})
        for launch in launches:
            landing = launch.landing
            if landing.commit in gone:
                message = (
                    f"launch {number_of(launch.key)}: {landing.target_branch} has lost {landing.commit[:12]}"
                )
                hint = f"`git merge {landing.commit[:12]}` there brings it back; it was reset, or rebased"
                yield found("landing", message, hint)


def _not_in(evidence: Evidence, target: str, commits: set[str]) -> set[str]:
    missing = evidence.missing(commits)
    listed = "".join(f"{commit}\n" for commit in sorted(commits - missing)) + f"^{target}\n"
    return missing | (commits & set(evidence.git.run("rev-list", "--stdin", input=listed.encode()).split()))
