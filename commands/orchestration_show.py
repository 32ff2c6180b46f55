"""Show an orchestration: assignments, the pinned base, the outcome."""

from __future__ import annotations

from commands._operation import Operation, OrchestrationId, Params
from commands._text import fields, table
from state.keys import number_of
from state.records import Orchestration
from state.store import Store


class OrchestrationShow(Params):
    id: OrchestrationId


def run(store: Store, params: OrchestrationShow) -> Orchestration:
    return store.get(Orchestration, params.id)


def text(orchestration: Orchestration) -> str:
    outcome = orchestration.outcome
    head = fields(
        [
            ("orchestration", number_of(orchestration.key)),
            ("plan", number_of(orchestration.plan)),
            ("target", orchestration.target_branch),
            ("base", orchestration.base),
            ("remote", orchestration.remote),
            ("strategy", orchestration.strategy),
            ("outcome", outcome and outcome.state),
            ("branch", outcome and outcome.branch),
            ("commit", outcome and outcome.commit),
            ("left out", outcome and [f"{number_of(e.task)} ({e.reason})" for e in outcome.ejected]),
        ]
    )
    rows = [(number_of(a.task), a.agent) for a in orchestration.assignments]
    return f"{head}\n\n{table(('TASK', 'AGENT'), rows)}"


OPERATION = Operation(run, OrchestrationShow, "GET /orchestrations/{id}", text, role="viewer")
