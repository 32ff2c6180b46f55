"""List the tokens made for others: names, roles, since when; nothing that opens anything."""

from __future__ import annotations

import click
import msgspec

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from commands._text import table
from state.tokens import Role, made


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    role: Role
    created: str


@click.pass_obj
def run(context: Context, /, **given: object) -> int:
    form = chosen_format(given)
    found = made(context.only_here("token:list").location.private)
    tokens = [Listed(name=token.name, role=token.role, created=token.created) for token in found]
    rows = [(token.name, token.role, token.created) for token in tokens]
    text = table(("NAME", "ROLE", "CREATED"), rows) if rows else "no tokens"
    show("token:list", {"tokens": tokens}, text, form)
    return 0


COMMAND = click.Command("token:list", callback=run, help=__doc__, params=output_options(numbered=False))
