"""Reviews the combination: the rules on each task's own change, and a model where one is configured."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from agents.git.refs import task_branch
from agents.git.repository import Repository
from agents.model.meter import Meter
from agents.model.token_budget import answer_limit, check_left, total, used_up
from agents.orchestrator import latest
from agents.rules import Change, findings
from agents.rules.added_lines import delta
from agents.rules.suggestions import suggested
from agents.tasks.completion import send_back
from agents.worktrees.workspace import local
from state.config import Reviewer
from state.errors import Conflict
from state.keys import number_of
from state.records import (
    SEVERITIES,
    Finding,
    Landed,
    Orchestration,
    Outcome,
    Plan,
    Pull,
    Review,
    Task,
    Usage,
)
from state.store import Store
from state.transaction import Transaction


def review(store: Store, plan_id: str) -> Review:
    """Record a review of the plan's combination. What it rejects goes back to its coders, within the budget."""
    plan = store.get(Plan, plan_id)
    orchestration = latest(store, plan)
    outcome = orchestration.outcome
    if outcome is None or not outcome.landed:
        number = number_of(plan.key)
        raise Conflict(
            f"plan {number} has no combination to review", f"`refactory reconcile {number}` comes first"
        )
    done = store.all(Review, lambda review: review.plan == plan.key and review.commit == outcome.commit)
    if done and _stands(done[-1], store.config.reviewer):
        return done[-1]
    meter = Meter(answer_limit=partial(_answer_limit, store, orchestration))
    found, reviewers = _findings(store, plan, orchestration, outcome, meter)
    blocking = [finding for finding in found if is_blocking(finding, store.config.reviewer)]
    for task in {finding.task for finding in blocking if finding.task}:
        local(store, orchestration.remote).share(task_branch(task), outcome.onto)
    with store.transaction("review") as changes:
        _send_back(changes, blocking, outcome.onto)
        return changes.new(
            Review,
            plan=plan.key,
            orchestration=orchestration.key,
            commit=outcome.commit,
            reviewers=reviewers,
            verdict="rejected" if blocking else "approved",
            findings=found,
            usage=meter.usage,
        )


def _answer_limit(store: Store, orchestration: Orchestration, used: Usage, size: int) -> int | None:
    so_far = total([used_up(store, orchestration), used])
    return answer_limit(orchestration.budgets, store.config.model.price, so_far, size)


def _stands(review: Review, config: Reviewer) -> bool:
    """A rejection that sent nobody back would be the last word for ever, so it is asked for again."""
    sent_back = any(finding.task and is_blocking(finding, config) for finding in review.findings)
    return review.verdict == "approved" or sent_back


def is_blocking(finding: Finding, config: Reviewer) -> bool:
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index(config.blocking)


def _findings(
    store: Store, plan: Plan, orchestration: Orchestration, outcome: Outcome, meter: Meter
) -> tuple[list[Finding], list[str]]:
    """Rules and model side by side: the rules are done while the model thinks."""
    git = Repository(store.location.git_dir)
    changes = [_change(store, git, store.get(Task, landed.task)) for landed in outcome.landed]
    lost = [finding for landed in outcome.landed for finding in _lost(landed)]
    if store.config.reviewer.backend != "model":
        return _ruled(changes) + lost, ["rules"]
    from agents.review.model_reviewer import review_with_model, reviewing_model

    check_left(store, orchestration, store.config.model.price)
    with ThreadPoolExecutor(1) as beside:
        rules = beside.submit(_ruled, changes)
        judged = review_with_model(store, plan, outcome, git, meter)
        return rules.result() + lost + judged, ["rules", reviewing_model(store.config).model]


def _ruled(changes: list[Change]) -> list[Finding]:
    return [finding for change in changes for finding in findings(change)]


def _lost(landed: Landed) -> list[Finding]:
    """What the merge of a task cost, where it was not git's own."""
    return [
        Finding(
            rule="lost-line",
            severity="warning",
            message=f"the merge by {', '.join(resolved.by)} lost a line of a side: {line.strip()}",
            file=resolved.file,
            task=landed.task,
            suggested_task=suggested("lost-line", resolved.file),
        )
        for resolved in landed.resolved
        for line in resolved.lost
    ]


def _change(store: Store, git: Repository, task: Task) -> Change:
    pulls = (store.get(Pull, key) for key in reversed(task.pulls))
    pull = next((pull for pull in pulls if pull.commit == task.commit), None)
    commit = task.commit or ""
    base = (pull.base if pull else None) or git.run("rev-parse", f"{commit}^")
    return Change(
        git, task, pull, base, commit, delta(git, base, commit), store.config.reviewer, store.config.protect
    )


def _send_back(changes: Transaction, blocking: list[Finding], onto: str) -> None:
    reasons: dict[str, list[str]] = {}
    for finding in blocking:
        if finding.task:
            where = f"{finding.file}:{finding.line}: " if finding.line else f"{finding.file or ''} "
            reasons.setdefault(finding.task, []).append(f"{where}{finding.message} ({finding.rule})".strip())
    for key, lines in reasons.items():
        task = changes.get(Task, key)
        if task.state == "completed":
            reason = "The review rejected it:\n" + "\n".join(lines)
            send_back(changes, task, "review", reason, onto)
