"""Show the whole pipeline on a small repository that is made for it: no key, no repository needed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands._cli import chosen_format, output_options
from commands._output import show
from state.config import Model as ModelSettings
from state.errors import RefactoryError, Unavailable, UsageError

if TYPE_CHECKING:
    from commands._context import Context
    from commands._progress import Progress
    from commands._status import Status

_FOLDER = click.Path(path_type=Path, file_okay=False)
_DEFAULT_MODEL = "-"

OPTIONS: list[click.Parameter] = [
    click.Option(["--model"], is_flag=False, flag_value=_DEFAULT_MODEL, metavar="[NAME]",
                 help="Ask a real model, by OPENAI_API_KEY or OPENAI_BASE_URL. Without: scripted answers."),
    click.Option(["--local"], is_flag=True,
                 help="One small task for a real model that runs here, without a key: it is no coder."),
    click.Option(["--dir", "folder"], type=_FOLDER, metavar="DIR",
                 help="Make everything in this new or empty folder. Default: a temporary one, which is kept."),
    click.Option(["--answers"], type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
                 help="Scripted answers of your own, <task>/<attempt>.diff, instead of the demo's."),
    click.Option(["--progress"], type=click.Choice(["auto", "plain", "none"]), default="auto", show_default=True,
                 help="auto: live on a terminal; plain: a line for each step, on stderr."),
]  # fmt: skip


def run(**given: Any) -> int:
    from commands._context import Context
    from commands._demo import checks, evidence, report, site
    from commands._progress import Progress

    form = chosen_format(given)
    if given["local"]:
        return _local(given, form)
    model = None if given["model"] is None else _model(given["model"])
    started = time.monotonic()
    made = site.make(given["folder"], given["answers"], model)
    # The demo works on its own repository, whatever server the user works with otherwise.
    os.environ.pop("REF_API_URL", None)
    context = Context(made.clone)
    with Progress(given["progress"]) as progress:
        status, stopped = _pipeline(context, progress)
    seen = evidence.Evidence(made, status, scripted=model is None)
    checked = checks.check(seen)
    done = report.report(seen, model or "scripted", time.monotonic() - started, stopped, checked)
    show("demo", done, report.text(done), form, 0 if done.passed else 1)
    return 0 if done.passed else 1


def _local(given: dict[str, Any], form: str) -> int:
    """Whatever the model comes up with, the demo has shown what it is to show; unless something broke."""
    from agents.model.local import served, weights
    from commands import _pipeline, plan_status, request_create
    from commands._context import Context
    from commands._demo import local
    from commands._progress import Progress
    from state.records import Pull

    if given["model"] or given["answers"]:
        raise UsageError("--local takes neither --model nor --answers")
    weights(ModelSettings(provider="local"))  # before anything is made
    started = time.monotonic()
    folder = local.make(given["folder"])
    os.environ.pop("REF_API_URL", None)
    context = Context(folder)
    title, description = local.request()
    with Progress(given["progress"]) as progress, served(context.store.config.model):
        asked = context.call(
            request_create.OPERATION, request_create.RequestCreate(title=title, description=description)
        )
        plan = _pipeline.plan_for(context, asked.key, None, "template")
        _pipeline.orchestrated(context, plan.key, 1, None, None)
        _pipeline.Run(context, plan.key, progress, until="code").go()
    status = context.call(plan_status.OPERATION, plan_status.PlanStatus(id=plan.key))
    store, seconds = context.store, time.monotonic() - started
    done = local.report(
        folder, store.location.private, status, store.all(Pull), store.config.model.model, seconds
    )
    show("demo", done, local.text(done), form, 0)
    return 0


def _pipeline(context: Context, progress: Progress) -> tuple[Status, str]:
    """The same steps as `refactory run --as push --push-target`. What stops it early is for the checks to show."""
    from commands import _pipeline, launch, plan_status, request_create
    from commands._demo.site import TARGET, request

    title, description = request()
    asked = context.call(
        request_create.OPERATION, request_create.RequestCreate(title=title, description=description)
    )
    progress.stage("plan")
    plan = _pipeline.plan_for(context, asked.key, None, "template")
    _pipeline.orchestrated(context, plan.key, 2, TARGET, None)
    stopped = ""
    try:
        params = launch.LaunchParams(id=plan.key, how="push", remote="origin", push_target=True)
        _pipeline.Run(context, plan.key, progress, how=params).go()
    except Unavailable:
        raise
    except RefactoryError as error:
        stopped = error.message
    return context.call(plan_status.OPERATION, plan_status.PlanStatus(id=plan.key)), stopped


def _model(name: str) -> str:
    """The model's name. Raises before anything is made if none can be asked."""
    from agents.model.settings import ModelSettings, endpoint

    if not (os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL")):
        raise UsageError(
            "--model needs OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own; neither is set",
            "without --model the demo needs no key",
        )
    settings = ModelSettings() if name == _DEFAULT_MODEL else ModelSettings(model=name)
    endpoint(settings)
    return settings.model


COMMAND = click.Command("demo", callback=run, help=__doc__, params=[*OPTIONS, *output_options()])
