"""What happened to a task: an attempt reported, tests run, sent back, retried, cancelled."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from agents.tasks.cancellation import refuse_cancelled, refuse_replaced
from agents.tasks.closing import close_if_over, put, reopen
from agents.tasks.dependents import block, end_lease, free, keep_reason, pulls, redo
from agents.tasks.dispatch import fenced
from agents.tasks.order import is_mere_url
from agents.tasks.setbacks import FEEDBACK, back_or_failed
from agents.tasks.work import Report
from state import leases
from state.errors import Conflict, UsageError
from state.keys import number_of
from state.lifecycle import STOPPED, move
from state.records import Plan, Pull, Request, SentBack, SentBackFor, Task, Tests
from state.store import Store
from state.transaction import Transaction


def report(store: Store, agent: str, task_id: str, token: int | None, report: Report) -> tuple[Pull, bool]:
    """Record an agent's attempt. The same report again gives the same pull, and False: nothing was new."""
    with store.transaction("pull:record") as changes:
        task = changes.get(Task, task_id)
        _check_agent(task, agent)
        again = _same(changes, task, agent, report)
        if again and not _holds(store, task, token):
            return again, False
        fenced(store, changes, task, token, agent)
        task = _in_progress(task)
        pull = changes.new(Pull, agent=agent, **_pull_fields(task, report))
        task = replace(task, pulls=[*task.pulls, pull.key])
        put(changes, _after_attempt(changes, task, report))
        end_lease(changes, task)
        return pull, True


def _check_agent(task: Task, agent: str) -> None:
    if task.agent != agent:
        raise Conflict(
            f"task {number_of(task.key)} is {f'assigned to {task.agent}' if task.agent else 'not assigned'}, "
            f"not to {agent}",
            "`refactory tasks:list --agent NAME` shows an agent's own",
        )


def _same(changes: Transaction, task: Task, agent: str, report: Report) -> Pull | None:
    """An earlier pull of this attempt with the same commit, branch and URL."""
    for pull in (changes.get(Pull, key) for key in task.pulls):
        same = (pull.commit, pull.pr_url, pull.failure) == (report.commit, report.pr_url, report.failure)
        mine = pull.agent == agent and pull.attempt == task.attempts
        if same and mine and report.branch in (None, pull.branch):
            return pull
    return None


def _holds(store: Store, task: Task, token: int | None) -> bool:
    """Whoever holds the task reports something new, even if it is the same as before."""
    lease = leases.find(store.location.private, task.key)
    return lease is not None and lease.token == token


def _in_progress(task: Task) -> Task:
    """An agent from outside may report without a claim: that is its start, too."""
    if task.state == "assigned":
        return move(task, "in_progress", attempts=task.attempts + 1)
    if is_mere_url(task):
        return task  # so far only a URL is known of it; now comes the rest
    if task.state != "in_progress":
        raise Conflict(
            f"task {number_of(task.key)} is {task.state}: nothing to report",
            "an assigned task or one in progress takes a report; `refactory task:retry` assigns it again",
        )
    return task


def _pull_fields(task: Task, report: Report) -> dict[str, object]:
    """What the agent said, and which attempt it is of."""
    said = asdict(report)
    del said["final"]  # of the task's fate, not of the attempt
    place = {"task": task.key, "orchestration": task.orchestration, "attempt": task.attempts}
    return {**said, **place, "failure": report.failure[:FEEDBACK]}


def _after_attempt(changes: Transaction, task: Task, report: Report) -> Task:
    if report.failure:
        return back_or_failed(changes, task, report.failure, final=report.final)
    branch = report.branch or task.branch
    found = {
        "commit": report.commit,
        "branch": branch,
        "pr_url": report.pr_url or task.pr_url,
        "feedback": "",
    }
    return replace(task, **found) if task.state == "testing" else move(task, "testing", **found)


def send_back(changes: Transaction, task: Task, why: SentBackFor, reason: str, onto: str | None) -> Task:
    """A completed task is not taken: its pull keeps why, what was built on it goes back, too."""
    keep_reason(changes, task, SentBack(why=why, reason=reason[-FEEDBACK:], onto=onto))
    redo(changes, task)
    return put(changes, back_or_failed(changes, task, reason, onto))


def report_tests(store: Store, task_id: str, token: int, commit: str, tests: Tests) -> Task:
    """A tester's verdict on a commit: completed, or back to the coder."""
    with store.transaction("tests:record") as changes:
        task = changes.get(Task, task_id)
        if task.state == "completed" and task.commit == commit:
            return task
        fenced(store, changes, task, token, tests.tester)
        if task.state != "testing" or task.commit != commit:
            raise Conflict(
                f"task {number_of(task.key)} is {task.state} at {task.commit}, not testing {commit}"
            )
        for pull in pulls(changes, task, commit):
            changes.put(replace(pull, tests=tests))
        end_lease(changes, task)
        if tests.verdict == "passed":
            return changes.put(move(task, "completed"))
        return put(changes, back_or_failed(changes, task, f"The tests failed:\n{tests.output}"))


def rework(store: Store, task_id: str, onto: str | None, reason: str) -> Task:
    """Send a completed task back to its coder, on top of `onto`; what was built on it goes back, too."""
    with store.transaction("task:rework") as changes:
        task = changes.get(Task, task_id)
        if task.state == "assigned" and (task.base, task.feedback) == (onto, reason):
            return task  # two found the same at once
        if task.state != "completed":
            raise Conflict(
                f"task {number_of(task.key)} is {task.state}: only completed work is sent back",
                "`refactory task:cancel` and `task:retry` start it anew",
            )
        return send_back(changes, task, "rework", reason, onto)


def retry(store: Store, task_id: str) -> Task:
    """A failed or cancelled task gets its attempts again; what it blocked is free."""
    with store.transaction("task:retry") as changes:
        task = changes.get(Task, task_id)
        if task.state not in STOPPED:
            raise Conflict(
                f"task {number_of(task.key)} is {task.state}: only failed or cancelled ones are retried"
            )
        if task.state == "blocked":
            number = number_of(task.key)
            raise Conflict(
                f"task {number} is blocked: {task.feedback}", "retry what it depends on: that frees it"
            )
        plan = changes.get(Plan, task.plan)
        refuse_cancelled(changes.get(Request, plan.request))
        refuse_replaced(plan)
        task = changes.put(move(task, "assigned" if task.agent else "pending", attempts=0))
        free(changes, task.plan)
        reopen(changes, plan)
        return task


def revive(changes: Transaction, plan: Plan) -> None:
    """Asked for again, what failed is tried again with all its attempts; what was cancelled stays so."""
    for task in changes.all(Task, lambda task: task.plan == plan.key and task.state == "failed"):
        changes.put(move(task, "assigned", attempts=0))
    free(changes, plan.key)


def cancel(store: Store, task_id: str, reason: str) -> Task:
    with store.transaction("task:cancel") as changes:
        task = changes.get(Task, task_id)
        if task.state == "cancelled":
            return task
        if len(reason) > FEEDBACK:
            raise UsageError(f"the reason is longer than {FEEDBACK} characters")
        end_lease(changes, task)
        block(changes, task)
        cancelled = changes.put(move(task, "cancelled", feedback=reason))
        close_if_over(changes, task.plan)  # it may have been the last that was missing
        return cancelled
