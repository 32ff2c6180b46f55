"""Prepare a repository, or a new clone of one: make `.refactory/`, set up the merge driver."""

from __future__ import annotations

import click

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from state.location import locate

CONFIG = """\
# yaml-language-server: $schema=schemas/config.json
# Refactory's configuration; docs/configuration.md explains every key. All have defaults.
version: 1
#agents: 2
#test:
#  command: python3 -m pytest -q --junitxml="$REFACTORY_JUNIT"
#coder:
#  backend: model
#model:
#  model: gpt-6.2-sol
"""


@click.pass_obj
def run(context: Context, /, **given: object) -> int:
    from agents.state_in_git.merge_setup import install
    from state import schema

    form = chosen_format(given)
    location = locate(context.folder)
    path = location.records / "config.yaml"
    fresh = not path.exists()
    if fresh:
        location.records.mkdir(exist_ok=True)
        path.write_text(CONFIG, encoding="utf-8")
    install(location)
    schema.write(location.records)
    said = "made" if fresh else "is there already:"
    show("init", {"path": str(path), "created": fresh}, f"{said} {path}", form)
    return 0


COMMAND = click.Command("init", callback=run, help=__doc__, params=output_options(numbered=False))
