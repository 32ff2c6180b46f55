"""Print this clone's own token, for curl; it is an admin's."""

from __future__ import annotations

import click

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show


@click.pass_obj
def run(context: Context, /, **given: object) -> int:
    form = chosen_format(given)
    from state.tokens import local_token

    token = local_token(context.only_here("token:show").location.private)
    show("token:show", {"token": token}, token, form)
    return 0


COMMAND = click.Command("token:show", callback=run, help=__doc__, params=output_options(numbered=False))
