"""Make a token of a role for somebody else, and print it once."""

from __future__ import annotations

import click

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from state.tokens import ROLES, Role, create


@click.pass_obj
def run(context: Context, /, name: str, role: Role, **given: object) -> int:
    form = chosen_format(given)
    token = create(context.only_here("token:create").location.private, name, role)
    show("token:create", {"name": name, "role": role, "token": token}, token, form)
    return 0


COMMAND = click.Command(
    "token:create",
    callback=run,
    help=__doc__,
    params=[
        click.Argument(["name"]),
        click.Option(
            ["--role"], type=click.Choice(ROLES), required=True, help="What its bearer may do; each may more."
        ),
        *output_options(numbered=False),
    ],
)
