"""A model's review of the combination. Whatever is unclear in its answer counts as a rejection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Literal

from msgspec.structs import replace

from agents.git.repository import Repository
from agents.model.client import ModelClient
from agents.model.errors import ModelGarbage, ModelRefused, ModelTruncated
from agents.model.meter import Meter
from agents.model.schema import NotValid, Shape, ask_valid
from agents.prompts.context import room_of
from agents.prompts.prompt import instructions
from agents.review.review_diff import FileDiff, combined, cut_to_fit
from state.config import Config, Model
from state.keys import number_of
from state.records import SEVERITIES, Finding, Outcome, Plan, Severity, Task
from state.store import Store

RULE = "model"


class Remark(Shape, frozen=True):
    file: str | None
    line: int | None
    severity: Severity
    message: str
    task_id: str | None
    suggested_task: str | None


class Verdict(Shape, frozen=True):
    """The findings first: a model that writes them before the verdict thinks before it judges."""

    findings: list[Remark]
    verdict: Literal["approved", "rejected"]


def review_with_model(
    store: Store, plan: Plan, outcome: Outcome, git: Repository, meter: Meter
) -> list[Finding]:
    """What the model found. A review that can't be read is an error of its own: nothing is approved by silence."""
    tasks = [store.get(Task, landed.task) for landed in outcome.landed]
    diff = combined(git, outcome)
    head = _head(plan, tasks)
    shown = cut_to_fit(diff, room_of(store.config.coder.context_tokens) - len(head))
    prompt = f"{head}\n\nThe combined diff:\n\n" + "\n".join(part.text for part in shown)
    with closing(ModelClient(reviewing_model(store.config), store.location.root)) as client:
        try:
            verdict = ask_valid(
                client,
                instructions("reviewer", store.location.root),
                prompt,
                Verdict,
                "review",
                _as_it_is,
                meter,
            )
        except (NotValid, ModelGarbage, ModelRefused, ModelTruncated) as error:
            return [_error(f"the model gave no review that can be read: {error.message}")]
    return findings(verdict, tasks, diff) + _not_shown(shown)


def reviewing_model(config: Config) -> Model:
    """Who reviews may be another one than who codes: it does not share its blind spots."""
    return config.reviewer.model or config.model


def findings(verdict: Verdict, tasks: Sequence[Task], diff: Sequence[FileDiff]) -> list[Finding]:
    """The remarks as findings. A rejection rejects, however mild its findings are.

    A remark without a task goes to the only one that changed its file. A remark that can be tied neither to a task
    nor to the diff is kept as a note.
    """
    found = [_finding(remark, tasks, {part.path: part for part in diff}) for remark in verdict.findings]
    if verdict.verdict == "approved":
        return found
    if not found:
        return [_error("the model rejected the combination without saying why")]
    worst = max((finding.severity for finding in found), key=SEVERITIES.index)
    return [replace(one, severity="error") if one.severity == worst else one for one in found]


def _as_it_is(verdict: Verdict) -> Verdict:
    return verdict


def _head(plan: Plan, tasks: Sequence[Task]) -> str:
    parts = ["These tasks were done:"]
    parts += [f"{number_of(task.key)}. {task.title}\n{task.detail.strip()}".strip() for task in tasks]
    if plan.design.strip():
        parts.append(f"Design of the whole:\n{plan.design.strip()}")
    return "\n\n".join(parts)


def _finding(remark: Remark, tasks: Sequence[Task], diff: Mapping[str, FileDiff]) -> Finding:
    changed = diff.get(remark.file or "")
    task = _named(remark.task_id, tasks) or _only(changed.tasks if changed else ())
    in_diff = changed is not None or remark.file is None
    return Finding(
        rule=RULE,
        severity=remark.severity if task or in_diff else "note",
        message=" ".join(remark.message.split()) or "no reason given",
        file=remark.file,
        line=remark.line if remark.file and remark.line and remark.line > 0 else None,
        task=task,
        suggested_task=" ".join((remark.suggested_task or "").split()) or None,
    )


def _named(task_id: str | None, tasks: Sequence[Task]) -> str | None:
    """A model writes a task's number in one of several ways."""
    name = (task_id or "").strip().lower().removeprefix("task").strip(" #.")
    return next((task.key for task in tasks if name in (task.key, str(number_of(task.key)))), None)


def _only(tasks: Sequence[str]) -> str | None:
    return tasks[0] if len(tasks) == 1 else None


def _not_shown(shown: Sequence[FileDiff]) -> list[Finding]:
    """A review that did not see everything must not look like one that did."""
    return [
        Finding(
            rule=RULE, severity="note", message="the model saw only a part of this change", file=part.path
        )
        for part in shown
        if part.cut
    ]


def _error(message: str) -> Finding:
    return Finding(rule=RULE, severity="error", message=message)
