"""One branch of all that is completed: combined, tested as a whole, the culprit of a red one sent back."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from msgspec.structs import replace

from agents.git.refs import plan_branch
from agents.git.target import pinned
from agents.launcher import finish_killed
from agents.orchestrator import latest
from agents.reconcile.combination import Combination, Step, combine
from agents.reconcile.contained import outdated
from agents.reconcile.culprit import Culprit, Hunt
from agents.reconcile.learning import learn
from agents.reconcile.merging import Merger
from agents.reconcile.resolvers.asking import asking
from agents.reconcile.resolvers.chain import chain
from agents.reconcile.verdicts import Verdicts
from agents.sandbox import announce
from agents.tasks.closing import close
from agents.tasks.completion import send_back
from agents.worktrees.attempts import clear_left
from agents.worktrees.presence import working
from agents.worktrees.workspace import local
from state.errors import WorkFailed
from state.keys import number_of
from state.lifecycle import DONE, OVER, move
from state.records import Ejected, Landed, Orchestration, Outcome, Plan, Pull, Task, Tests
from state.store import Store
from state.transaction import Transaction


def reconcile(store: Store, plan_id: str) -> Orchestration:
    """Combine and test; record the outcome; send back what conflicts or is red. Raises WorkFailed."""
    plan = store.get(Plan, plan_id)
    orchestration = latest(store, plan)
    workspace = local(store, orchestration.remote)
    recorded = finish_killed(store, plan)
    clear_left(store)
    tasks = [task for key in plan.tasks if (task := store.find(Task, key))]
    completed = [task for task in tasks if task.state == "completed"]
    if recorded and not completed:
        return orchestration
    if not completed:
        raise WorkFailed(f"plan {number_of(plan.key)} has no completed task to reconcile", _how_far(tasks))
    missing = workspace.repository.missing(task.commit or "" for task in completed)
    for task in completed:
        if task.commit in missing:
            workspace.bring(task.commit or "", task.branch)
    announce(store.config.walls)
    onto = pinned(workspace.repository, orchestration.target_branch)
    verdicts = Verdicts(workspace, store.config, plan, at_once=min(2, orchestration.testers))
    with working(workspace), asking(store, orchestration) as model:
        resolvers = chain(store.config.reconcile, workspace.private, plan.key, model)
        merger = Merger(workspace.repository, resolvers, strict=lambda: not verdicts.are_of_tests(onto))
        out = outdated(workspace.repository, onto, completed, _attempts(store, tasks))
        combination, tests = _green(merger, plan, onto, completed, verdicts, out)
        if "rerere" in store.config.reconcile.resolvers:
            learn(store, workspace, plan, combination, model)
    unfinished = [_unfinished(store, task) for task in tasks if task.state not in DONE | OVER]
    outcome = _outcome(plan, combination, unfinished, tests, verdicts.runs)
    workspace.set_branch(outcome.branch, outcome.commit, plan.key)
    for ejected in outcome.ejected:
        if ejected.ref and ejected.reason not in ("unfinished", "empty"):
            workspace.share(ejected.ref, outcome.commit)
    return _record(store, orchestration, outcome)


def _green(
    merger: Merger, plan: Plan, onto: str, tasks: list[Task], verdicts: Verdicts, out: list[Ejected]
) -> tuple[Combination, Tests | None]:
    """Combine; while the combination is red, put its culprit `out` and combine the rest."""
    while True:
        combination = combine(merger, plan, onto, tasks, out)
        if not combination.steps:
            return combination, None
        tests = verdicts.of(combination)
        if tests.verdict == "failed":
            tests = verdicts.again(combination, combination.first(len(combination.steps) // 2))
        if tests.verdict == "passed":
            return combination, tests
        made = partial(_made, merger, plan, onto, tasks)
        out = [*out, _red(Hunt(merger.git, combination, verdicts, made).culprit(tests))]


def _attempts(store: Store, tasks: list[Task]) -> dict[str, Task]:
    """Whose each commit is, of the tasks that were tried more than once, or are not done."""
    again = (task for task in tasks if len(task.pulls) > 1 or task.state not in DONE)
    pulls = ((store.find(Pull, key), task) for task in again for key in task.pulls)
    return {pull.commit: task for pull, task in pulls if pull and pull.commit}


def _made(merger: Merger, plan: Plan, onto: str, tasks: list[Task], wanted: Collection[str]) -> Combination:
    out = [Ejected(task=task.key, reason="red") for task in tasks if task.key not in wanted]
    return combine(merger, plan, onto, tasks, out)


def _red(culprit: Culprit) -> Ejected:
    """The first line says what was seen, the rest is the output of the tests."""
    task = culprit.step.task
    numbers = [str(number_of(partner.task.key)) for partner in culprit.partners]
    few = (
        f"together with task {numbers[0]}"
        if len(numbers) == 1
        else f"with one of the tasks {', '.join(numbers)}"
    )
    said = f"{f'it fails {few}: ' if numbers else ''}{culprit.evidence}"
    against = [partner.task.branch for partner in culprit.partners if partner.task.branch]
    return Ejected(
        task=task.key, reason="red", detail=f"{said}\n{culprit.red.output}", ref=task.branch, against=against
    )


def _outcome(
    plan: Plan, combination: Combination, unfinished: list[Ejected], tests: Tests | None, runs: int
) -> Outcome:
    ejected = [*combination.ejected, *unfinished]
    lasting = [one for one in ejected if one.reason != "empty"]
    return Outcome(
        state="complete" if not lasting else "partial" if combination.steps else "failed",
        branch=plan_branch(plan.key),
        onto=combination.onto,
        commit=combination.head,
        landed=[_landed(step) for step in combination.steps],
        ejected=ejected,
        test_runs=runs,
        tests=tests,
    )


def _landed(step: Step) -> Landed:
    reworked = step.task.base is not None
    return Landed(task=step.task.key, commit=step.commit, reworked=reworked, resolved=list(step.resolved))


def _unfinished(store: Store, task: Task) -> Ejected:
    """With the conflict or red combination that it could not solve, and how its last attempt at it ended."""
    pulls = [pull for key in task.pulls if (pull := store.find(Pull, key))]
    said = [pull.sent_back.reason for pull in pulls if pull.sent_back][-1:]
    if task.feedback and task.feedback not in said:
        said.append(f"Then: {task.feedback}" if said else task.feedback)
    is_so = "it has failed" if task.state == "failed" else f"it is {task.state}"
    detail = " ".join([f"{is_so}:" if said else is_so, *said])
    return Ejected(task=task.key, reason="unfinished", detail=detail, ref=task.branch)


def _record(store: Store, orchestration: Orchestration, outcome: Outcome) -> Orchestration:
    rework = "rework" in store.config.reconcile.resolvers
    with store.transaction("reconcile") as changes:
        for ejected in outcome.ejected:
            if rework or ejected.reason not in ("conflict", "dependency"):
                _send_back(changes, ejected, outcome.commit)
        if outcome.state == "complete" and not outcome.landed:
            _all_there(changes, changes.get(Plan, orchestration.plan))
        return changes.put(replace(changes.get(Orchestration, orchestration.key), outcome=outcome))


def _all_there(changes: Transaction, plan: Plan) -> None:
    """Somebody merged it by hand, or a launch was killed before it could say so: there is nothing to land."""
    for key in plan.tasks:
        task = changes.get(Task, key)
        if task.state == "completed":
            changes.put(move(task, "merged"))
    close(changes, plan)


def _send_back(changes: Transaction, ejected: Ejected, head: str) -> None:
    """To its coder, on top of what landed. A task that went on meanwhile is left alone."""
    task = changes.get(Task, ejected.task)
    if task.state != "completed" or ejected.reason == "unfinished" or ejected.reason == "empty":
        return
    if ejected.reason == "dependency":
        # Not its own fault: the attempt is given back.
        task = replace(task, attempts=max(0, task.attempts - 1))
    send_back(changes, task, ejected.reason, _reason(ejected), head)


def _reason(ejected: Ejected) -> str:
    if ejected.reason == "red":
        return f"Alone it is green, together with the other tasks the tests fail:\n{ejected.detail}"
    return f"Not merged: {ejected.detail}. Do it again on top of what has landed."


def _how_far(tasks: list[Task]) -> str:
    states = sorted({task.state for task in tasks})
    return f"its tasks are: {', '.join(states)}" if states else "it has no tasks"
