"""Merge a plan's completed tasks into one branch and test the combination."""

from __future__ import annotations

from commands._operation import Operation, Params, PlanId
from commands._text import fields, numbers
from state.keys import number_of
from state.records import Orchestration
from state.store import Store

_EXIT = {"complete": 0, "partial": 7, "failed": 1}


class Reconcile(Params):
    id: PlanId


def run(store: Store, params: Reconcile) -> Orchestration:
    from agents.reconciler import reconcile

    return reconcile(store, str(params.id))


def text(orchestration: Orchestration) -> str:
    outcome = orchestration.outcome
    if outcome is None:
        return "no outcome"
    left_out = [
        f"{number_of(e.task)}: {e.reason}: {e.detail.splitlines()[0]}" for e in outcome.ejected if e.detail
    ]
    return fields(
        [
            ("combination", outcome.state),
            ("branch", outcome.branch),
            ("commit", outcome.commit),
            ("combined", numbers(landed.task for landed in outcome.landed)),
            ("left out", "\n".join(left_out)),
            ("test runs", outcome.test_runs),
        ]
    )


OPERATION = Operation(
    run, Reconcile, "POST /plans/{id}/reconcile", text,
    exit_code=lambda done: _EXIT[done.outcome.state] if done.outcome else 1,
)  # fmt: skip
