"""Take a token back that `token:create` made."""

from __future__ import annotations

import click

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from state.errors import NotFound
from state.tokens import revoke


@click.pass_obj
def run(context: Context, /, name: str, **given: object) -> int:
    form = chosen_format(given)
    if not revoke(context.only_here("token:revoke").location.private, name):
        raise NotFound(f"no token named {name}")
    show("token:revoke", {"name": name}, f"revoked {name}", form)
    return 0


COMMAND = click.Command(
    "token:revoke",
    callback=run,
    help=__doc__,
    params=[click.Argument(["name"]), *output_options(numbered=False)],
)
