"""Review a plan's combination: rules, and a model where one is configured."""

from __future__ import annotations

from commands._cli import command
from commands._operation import Operation, Params, PlanId
from commands._recording import options
from commands._text import fields
from state.keys import number_of
from state.records import Finding, Review
from state.store import Store


class ReviewParams(Params):
    id: PlanId


def run(store: Store, params: ReviewParams) -> Review:
    from agents.reviewer import review

    return review(store, str(params.id))


def text(review: Review) -> str:
    return fields(
        [
            ("review", number_of(review.key)),
            ("verdict", review.verdict),
            ("commit", review.commit),
            ("reviewers", review.reviewers),
            ("findings", "\n".join(_line(finding) for finding in review.findings)),
        ]
    )


def as_sarif(review: Review) -> str:
    from commands._sarif import sarif

    return sarif(review)


def as_annotations(review: Review) -> str:
    from commands._annotations import workflow_commands

    return workflow_commands(review.findings)


def as_tasks(review: Review) -> str:
    """A task list: what `run --from -` takes."""
    return "\n\n".join(dict.fromkeys(_task(finding) for finding in review.findings if finding.suggested_task))


def _task(finding: Finding) -> str:
    scope = f"scope: {finding.file}\n" if finding.file else ""
    return f"## {finding.suggested_task}\n{scope}\n{_line(finding)}"


def _line(finding: Finding) -> str:
    place = finding.file or ""
    place += f":{finding.line}" if finding.line else ""
    task = f"task {number_of(finding.task)} " if finding.task else ""
    return f"{finding.severity}: {task}{place}{': ' if place else ''}{finding.message} ({finding.rule})"


OPERATION = Operation(
    run, ReviewParams, "POST /plans/{id}/review", text,
    exit_code=lambda review: 0 if review.verdict == "approved" else 1,
    formats={"sarif": as_sarif, "github": as_annotations, "tasks": as_tasks},
)  # fmt: skip
COMMAND = command("review", __doc__ or "", OPERATION, options())
