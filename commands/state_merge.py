"""Merge three versions of a record by field, as git's merge driver; `init` sets it up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from commands._cli import chosen_format, output_options
from commands._output import show


def run(base: Path, ours: Path, theirs: Path, path: str, **given: Any) -> int:
    from agents.state_in_git.merge_driver import drive

    form = chosen_format(given)
    driven = drive(base, ours, theirs, path)
    if driven.by_lines:
        click.echo(f"refactory: {path}: merged by lines: {driven.by_lines}", err=True)
    text = f"conflict in {path}: {', '.join(driven.conflicts)}" if driven.conflicts else ""
    show("state:merge", driven, text, form, 0 if driven.clean else 1)
    return 0 if driven.clean else 1


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

COMMAND = click.Command(
    "state:merge",
    callback=run,
    help=__doc__,
    params=[
        click.Argument(["base"], type=_FILE),
        click.Argument(["ours"], type=_FILE),
        click.Argument(["theirs"], type=_FILE),
        click.Argument(["path"]),
        *output_options(numbered=False),
    ],
)
