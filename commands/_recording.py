"""--record and --replay, for every command that asks models, and for the agents that it starts."""

from __future__ import annotations

import os
from pathlib import Path

import click

from commands._context import Context
from state.errors import UsageError

_FOLDER = click.Path(path_type=Path, file_okay=False)


def options() -> list[click.Option]:
    return [
        click.Option(["--record"], type=_FOLDER, metavar="DIR", expose_value=False, callback=_set,
                     help="Keep what models are asked and answer in this folder."),
        click.Option(["--replay"], type=_FOLDER, metavar="DIR", expose_value=False, callback=_set,
                     help="Take the answers from such a folder: no model is asked."),
    ]  # fmt: skip


def _set(context: click.Context, option: click.Parameter, folder: Path | None) -> None:
    """Through the environment, as the agents of a run are processes of their own."""
    if folder is None:
        return
    from agents.model.settings import RECORD, REPLAY

    name, other = (RECORD, REPLAY) if option.name == "record" else (REPLAY, RECORD)
    if name == REPLAY and not folder.is_dir():
        raise UsageError(f"--replay: {folder}: no such folder", "--record DIR makes one")
    if other in os.environ:
        raise UsageError("--record and --replay exclude each other")
    given = context.find_object(Context)
    if given and given.api_url and context.command.name != "agent:coder":
        raise UsageError(
            "models are asked by the server here, which --record and --replay don't reach",
            "set model.record or model.replay in its configuration",
        )
    os.environ[name] = str(folder.absolute())
