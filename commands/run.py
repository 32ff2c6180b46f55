"""Take a request all the way: plan, code, test, reconcile, review, launch."""

from __future__ import annotations

from typing import Any

import click

from commands import request_create, request_show
from commands._cli import chosen_format, convert, output_options, read_file, read_stdin
from commands._context import Context
from commands._output import show
from commands._text import fields, numbers
from state.errors import Conflict, UsageError
from state.keys import number_of
from state.records import Outcome, Plan, Request

OPTIONS: list[click.Parameter] = [
    click.Argument(["request"], metavar="[<requestId>]", required=False),
    click.Option(["--title"], help="What is wanted, in one line; makes a new request."),
    click.Option(["--description"], default="", help="The details; `-` reads standard input."),
    click.Option(["--from", "task_list"], metavar="FILE", help="Take the tasks from this file; `-`: standard input."),
    click.Option(["--planner"], type=click.Choice(["template", "model"]), help="Who plans."),
    click.Option(["--agents"], type=click.IntRange(1, 64), help="How many coders."),
    click.Option(["--target-branch"], help="Where it is to land. Default: the current branch."),
    click.Option(
        ["--until"], type=click.Choice(["plan", "code", "reconcile", "review"]), help="Stop after this stage."
    ),
    click.Option(["--as", "how"], type=click.Choice(["merge", "push"]), default="merge", show_default=True,
                 help="How to land it."),
    click.Option(["--remote"], help="The git remote to push to, and to share code through."),
    click.Option(["--push-target"], is_flag=True, help="With --as push: the target branch, too."),
    click.Option(["--progress"], type=click.Choice(["auto", "plain", "none"]), default="auto", show_default=True,
                 help="auto: live on a terminal; plain: a line for each step, on stderr."),
]  # fmt: skip


def run(**given: Any) -> int:
    from commands import _pipeline
    from commands._progress import Progress

    context = click.get_current_context().find_object(Context)
    assert context is not None
    form = chosen_format(given)
    with Progress(given["progress"]) as progress:
        request = _request(context, given)
        progress.stage("plan")
        plan = _pipeline.plan_for(context, request.key, _task_list(given["task_list"]), given["planner"])
        _check_gate(plan, given["until"])
        if given["until"] != "plan" and plan.state != "done":
            _pipeline.orchestrated(
                context, plan.key, given["agents"], given["target_branch"], _shared(context, given)
            )
        result = _pipeline.Run(
            context,
            plan.key,
            progress,
            until=given["until"] or "launch",
            how=given["how"],
            remote=given["remote"],
            push_target=given["push_target"],
        ).go()
    show("run", result, text(result), form, failed=result.exit_code != 0)
    return result.exit_code


def _request(context: Context, given: dict[str, Any]) -> Request:
    """A new request by title, or one that is there: the same command goes on after a kill."""
    if given["request"] and given["title"]:
        raise UsageError("give a request's id or --title, not both")
    if given["request"]:
        return context.call(request_show.OPERATION, request_show.RequestShow(id=given["request"]))
    if not given["title"]:
        raise UsageError("what is wanted?", "give --title and --description, or a request's id")
    description = read_stdin() if given["description"] == "-" else given["description"]
    params = convert(request_create.RequestCreate, {"title": given["title"], "description": description})
    return context.call(request_create.OPERATION, params)


def _task_list(name: str | None) -> str | None:
    return read_stdin() if name == "-" else None if name is None else read_file(name)


def _shared(context: Context, given: dict[str, Any]) -> str | None:
    """Agents that work through the API get code by the remote; here they share the clone."""
    return (given["remote"] or "origin") if context.api_url else None


def _check_gate(plan: Plan, until: str | None) -> None:
    if plan.state == "draft" and until != "plan":
        number = number_of(plan.key)
        raise Conflict(
            f"plan {number} waits for approval",
            f"`refactory plan:approve {number}`, then run the request again",
        )


def text(result: Any) -> str:
    status = result.status
    outcome: Outcome | None = status.orchestration and status.orchestration.outcome
    review, landing = status.review, status.launch and status.launch.landing
    stat = landing and landing.diffstat
    return fields(
        [
            ("request", f"{number_of(status.request.key)} {status.request.title}"),
            ("plan", number_of(status.plan.key)),
            ("stage", result.stage),
            ("tasks", "\n".join(f"{number_of(t.key)} {t.state}: {t.title}" for t in status.tasks)),
            ("landed", outcome and numbers(landed.task for landed in outcome.landed)),
            ("left out", outcome and "\n".join(_left_out(outcome))),
            ("branch", outcome and outcome.branch),
            ("review", review and f"{review.verdict}, {len(review.findings)} findings"),
            (
                "launched",
                landing and f"{landing.how}: {', '.join(landing.branches)} at {landing.commit[:12]}",
            ),
            ("changes", stat and f"{stat.files} files, +{stat.insertions} -{stat.deletions}"),
        ]
    )


def _left_out(outcome: Outcome) -> list[str]:
    return [f"{number_of(e.task)} {e.reason}: {e.detail.partition(chr(10))[0]}" for e in outcome.ejected]


COMMAND = click.Command("run", callback=run, help=__doc__, params=[*OPTIONS, *output_options()])
