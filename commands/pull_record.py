"""Record an agent's result for a task: its commit or branch, and the pull request's URL."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from commands._operation import AgentName, Name, Operation, Params, Sha, TaskId
from commands._text import fields
from state.errors import UsageError
from state.keys import number_of
from state.records import Diffstat, Pull, SandboxKind, Task, Usage
from state.store import Store


class PullRecord(Params):
    agent_name: AgentName
    task_id: Annotated[TaskId, Meta(description="The task this is the result of.")]
    pr_url: (
        Annotated[str, Meta(max_length=2000, pattern="^https?://[^ ]+$", description="The pull request.")]
        | None
    ) = None
    branch: Annotated[Name | None, Meta(description="The branch that has the result.")] = None
    commit: Annotated[Sha | None, Meta(description="The commit; default: the branch's head.")] = None
    base: Annotated[Sha | None, Meta(description="The commit the work started from.")] = None
    token: Annotated[int | None, Meta(description="The claim's fencing token, if the task was claimed.")] = (
        None
    )
    backend: Annotated[str, Meta(max_length=100, description="What did the work.")] = ""
    preset: Annotated[str | None, Meta(description="The preset that the agent was run by.")] = None
    message: Annotated[str, Meta(max_length=2000, description="The agent's last message.")] = ""
    failure: Annotated[str, Meta(description="Why there is no result; the attempt has failed.")] = ""
    final: Annotated[bool, Meta(description="With --failure: no other attempt would do better.")] = False
    tolerances: Annotated[
        list[str],
        Meta(max_length=100, description="How a hunk of the answer had to be read to be placed."),
    ] = []
    ignored: Annotated[
        list[str],
        Meta(max_length=100, description="A path that the result's own ignore rules left out of it."),
    ] = []
    sandbox: Annotated[SandboxKind | None, Meta(description="What held the agent.")] = None
    diffstat: Annotated[
        Diffstat | None, Meta(description="JSON: files, insertions, deletions.", extra={"json": True})
    ] = None
    usage: Annotated[
        Usage | None,
        Meta(description="JSON: model, requests, inputTokens, outputTokens.", extra={"json": True}),
    ] = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The pull, the task as it is now, and whether this call recorded it or an earlier one had."""

    pull: Pull
    task: Task
    created: bool


def run(store: Store, params: PullRecord) -> Recorded:
    from agents.git.refs import task_branch
    from agents.git.repository import Repository
    from agents.tasks.completion import report
    from agents.tasks.work import Report

    if not (params.commit or params.branch or params.pr_url or params.failure):
        raise UsageError("nothing to record", "give a commit, a branch, a pull request's URL, or a failure")
    if params.branch is not None:
        Repository(store.location.git_dir).check_branch(params.branch)
    found = msgspec.convert(params, Report, from_attributes=True)
    found = msgspec.structs.replace(found, commit=params.commit or _head(store, params))
    pull, created = report(store, params.agent_name, str(params.task_id), params.token, found)
    if found.commit and found.branch == task_branch(pull.task):
        from agents.worktrees.attempts import settle

        settle(store, pull.task)
    return Recorded(pull=pull, task=store.get(Task, pull.task), created=created)


def _head(store: Store, params: PullRecord) -> str | None:
    """The commit of a branch that was named alone, here or at the remote."""
    if params.branch is None or params.failure:
        return None
    from agents.worktrees.workspace import branch_head

    return branch_head(store, str(params.task_id), params.branch)


def text(recorded: Recorded) -> str:
    pull, task = recorded.pull, recorded.task
    return fields(
        [
            ("pull", number_of(pull.key)),
            ("task", f"{number_of(task.key)} {task.title}"),
            ("state", task.state),
            ("commit", pull.commit),
            ("pull request", pull.pr_url),
            ("failure", pull.failure),
        ]
    )


OPERATION = Operation(
    run, PullRecord, "POST /agents/{agentName}/prs", text, role="agent",
    status=lambda recorded: 201 if recorded.created else 200,
)  # fmt: skip
