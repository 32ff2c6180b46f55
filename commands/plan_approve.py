"""Approve a draft plan, where the configuration asks for that."""

from __future__ import annotations

from commands._operation import Operation, Params, PlanId
from commands._records_text import plan_text
from state.lifecycle import move
from state.records import Plan
from state.store import Store


class PlanApprove(Params):
    id: PlanId


def run(store: Store, params: PlanApprove) -> Plan:
    with store.transaction("plan:approve") as changes:
        plan = changes.get(Plan, params.id)
        return plan if plan.state == "approved" else changes.put(move(plan, "approved"))


OPERATION = Operation(run, PlanApprove, "POST /plans/{id}/approve", plan_text)
