"""Show an orchestration: assignments, the pinned base, the outcome."""

from __future__ import annotations

from msgspec.structs import asdict

from commands._operation import Operation, OrchestrationId, Params
from commands._records_text import usage_text
from commands._text import fields, table
from state.keys import number_of
from state.records import Orchestration, Plan, Usage
from state.store import Store


class OrchestrationShow(Params):
    id: OrchestrationId


class Shown(Orchestration, frozen=True, kw_only=True):
    """`usage`: what models were asked in it, and for its plan."""

    usage: Usage


def run(store: Store, params: OrchestrationShow) -> Shown:
    from agents.model.token_budget import spent, total

    found = store.get(Orchestration, params.id)
    usage = total(spent(store, store.get(Plan, found.plan), found.key))
    return Shown(**asdict(found), usage=usage)


def text(orchestration: Shown) -> str:
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
            ("tokens", usage_text(orchestration.usage)),
            ("left out", outcome and [f"{number_of(e.task)} ({e.reason})" for e in outcome.ejected]),
        ]
    )
    rows = [(number_of(a.task), a.agent) for a in orchestration.assignments]
    return f"{head}\n\n{table(('TASK', 'AGENT'), rows)}"


OPERATION = Operation(run, OrchestrationShow, "GET /orchestrations/{id}", text, role="viewer")
