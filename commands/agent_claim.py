"""Claim the next task for an agent, with a lease and its fencing token."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from agents.tasks.work import Claim, Role
from commands._operation import AgentName, Operation, Params, PlanId
from commands._text import fields
from state.keys import number_of
from state.records import Plan
from state.store import Store


class AgentClaim(Params):
    agent_name: AgentName
    role: Annotated[Role, Meta(description="Which kind of work.")] = "coder"
    pid: Annotated[
        int | None, Meta(description="The agent's process on this host: its end ends the lease.")
    ] = None
    plan_id: Annotated[PlanId | None, Meta(description="Only this plan's tasks.")] = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`claim` is null when nothing waits for this agent."""

    claim: Claim | None


def run(store: Store, params: AgentClaim) -> Claimed:
    from agents.tasks.dispatch import claim

    plan = None if params.plan_id is None else store.get(Plan, params.plan_id).key
    return Claimed(claim=claim(store, params.agent_name, params.role, params.pid, plan))


def text(claimed: Claimed) -> str:
    claim = claimed.claim
    if claim is None:
        return "nothing to do"
    task = f"{number_of(claim.task.key)} {claim.task.title}"
    return fields([("task", task), ("token", claim.token), ("lease", f"{claim.lease_seconds:g} s")])


OPERATION = Operation(run, AgentClaim, "POST /agents/{agentName}/claims", text, role="agent")
