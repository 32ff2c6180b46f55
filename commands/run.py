"""Take a request all the way: plan, code, test, reconcile, review, launch."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec

from commands import _recording, launch, plan_list, plan_status, request_create, request_show
from commands._cli import chosen_format, convert, flags, output_options, read_file, read_stdin
from commands._context import Context
from commands._output import show
from state.errors import Conflict, RefactoryError, UsageError
from state.keys import number_of
from state.records import Plan, Request, Way

if TYPE_CHECKING:
    from commands._outcome import Result, Stage
    from commands._progress import Progress

_HELD = ("title", "description", "progress")  # by the request, or for one run only

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
    click.Option(["--as", "how"], type=click.Choice(get_args(Way)), default="merge", show_default=True,
                 help="How to land it."),
    click.Option(["--remote"], help="The git remote to push to, and to share code through."),
    click.Option(["--push-target"], is_flag=True, help="With --as push: the target branch, too."),
    click.Option(["--draft"], is_flag=True, help="With --as pull-request: open it as a draft."),
    click.Option(["--wait-ci"], is_flag=True, help="With --as pull-request: wait for the forge's CI."),
    click.Option(["--merge-when-green"], is_flag=True,
                 help="With --as pull-request: wait for the forge's CI, and merge if all of it has passed."),
    click.Option(["--progress"], type=click.Choice(["auto", "plain", "none"]), default="auto", show_default=True,
                 help="auto: live on a terminal; plain: a line for each step, on stderr."),
    *_recording.options(),
]  # fmt: skip


def run(**given: Any) -> int:
    from agents.sandbox import announce
    from commands._outcome import text
    from commands._progress import Progress
    from commands._summary import summarize

    context = click.get_current_context().find_object(Context)
    assert context is not None
    form = chosen_format(given)
    given["task_list"] = _task_list(given["task_list"])
    if given["description"] == "-":
        given["description"] = read_stdin()
    if not context.api_url and given["until"] != "plan":
        announce(context.store.config.walls)
    _check(context, given)
    with Progress(given["progress"]) as progress:
        request = _request(context, given)
        again = _again(request)
        with _going_on(context, request, again):
            result = _run(context, request, given, progress)
    summarize(result.status)
    if form in plan_status.FORMATS:
        click.echo(plan_status.FORMATS[form](result.status).rstrip("\n"))
    else:
        show("run", result, text(result, again), form, result.exit_code)
    return result.exit_code


def _run(context: Context, request: Request, given: dict[str, Any], progress: Progress) -> Result:
    from commands import _pipeline

    progress.stage("plan")
    plan = _pipeline.plan_for(context, request.key, given["task_list"], given["planner"])
    until: Stage = given["until"] or "launch"
    _check_gate(plan, until)
    if until == "launch":
        _check_launch(context, _launch(plan.key, given))
    if until != "plan" and plan.state != "done":
        remote = _shared(context, given)
        _pipeline.orchestrated(context, plan.key, given["agents"], given["target_branch"], remote)
    return _pipeline.Run(
        context,
        plan.key,
        progress,
        until=until,
        how=_launch(plan.key, given),
    ).go()


def _check(context: Context, given: dict[str, Any]) -> None:
    """Before a new request is recorded. One that is there is gone on with: its plan has been checked."""
    if given["request"] or not given["title"]:
        return
    from agents.preflight import Wanted, check_list, check_run
    from state.config import Config

    wanted = Wanted(
        title=given["title"],
        description=given["description"],
        task_list=given["task_list"],
        planner=given["planner"],
        target=given["target_branch"],
        remote=given["remote"],
        code=given["until"] != "plan",
    )
    if context.api_url:
        check_list(wanted, Config())  # the rest is known to the server
        return
    check_run(context.store, wanted)
    if given["until"] is None:
        _check_launch(context, _launch(1, given))


def _again(request: Request) -> str:
    """The command that goes on with what is wanted: without its `--as push` it would merge here."""
    context = click.get_current_context()
    words = ["refactory", "run", str(number_of(request.key))]
    for option in OPTIONS:
        name = str(option.name)
        if not isinstance(option, click.Option) or name in _HELD or not _was_given(context, name):
            continue
        value = context.params.get(name, os.environ.get(f"REFACTORY_{name.upper()}"))
        held = name == "task_list" and value == "-" and not context.params["request"]
        words += [] if held else [option.opts[0]] if option.is_flag else [option.opts[0], str(value)]
    return shlex.join(words)


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


@contextmanager
def _going_on(context: Context, request: Request, again: str) -> Iterator[None]:
    """Whoever stops a run, or sees it fail, must know how to go on with it: the title makes another request."""
    how = f"`{again}` goes on with it"
    try:
        yield
    except RefactoryError as error:
        error.data = left = _left(context, request)
        if left.request.state != "cancelled":
            error.hint = f"{error.hint}\n{how}" if error.hint else how
        raise
    except BaseException:
        print(f"refactory: stopped; {how}", file=sys.stderr)
        raise


class Left(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a run that failed has made so far."""

    request: Request
    plan: Plan | None = None


def _left(context: Context, request: Request) -> Left:
    with suppress(RefactoryError):  # it may be the server that has failed
        request = context.call(request_show.OPERATION, request_show.RequestShow(id=request.key))
        plans = plan_list.PlanList(request_id=request.key, limit=10_000)
        found = context.call(plan_list.OPERATION, plans).items
        return Left(request=request, plan=found[-1] if found else None)
    return Left(request=request)


def _check_launch(context: Context, params: launch.LaunchParams) -> None:
    """Before a model is paid for work that could not be landed. A server checks for itself, later."""
    from agents.launcher import check

    wishes = launch.wishes(params)
    if not context.api_url:
        check(context.store, params.how, params.remote, wishes)


def _launch(plan: str | int, given: dict[str, Any]) -> launch.LaunchParams:
    return launch.LaunchParams(
        id=plan,
        how=given["how"],
        remote=given["remote"],
        push_target=given["push_target"],
        draft=given["draft"],
        wait_ci=given["wait_ci"],
        merge_when_green=given["merge_when_green"],
    )


def _request(context: Context, given: dict[str, Any]) -> Request:
    """A new request by title, or one that is there: the same command goes on after a kill."""
    if given["request"] and given["title"]:
        raise UsageError("give a request's id or --title, not both")
    if given["request"]:
        return context.call(request_show.OPERATION, request_show.RequestShow(id=given["request"]))
    if not given["title"]:
        raise UsageError("what is wanted?", "give --title and --description, or a request's id")
    # With the list: a kill before it is planned must not make another plan of what is left.
    said = [text for text in (given["description"], given["task_list"]) if text]
    values = {"title": given["title"], "description": "\n\n".join(said)}
    params = convert(request_create.RequestCreate, values, flags(request_create.RequestCreate))
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
            f"`refactory plan:approve {number}` comes first",
        )


COMMAND = click.Command(
    "run", callback=run, help=__doc__, params=[*OPTIONS, *output_options(more=plan_status.FORMATS)]
)
