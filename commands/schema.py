"""Print the JSON Schemas of the records and the configuration; --write puts them beside the records."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from state import schema
from state.errors import UsageError


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """The schemas that were not there yet, or not as they are now."""

    written: list[str]


@click.pass_obj
def run(context: Context, /, kind: str | None, write: bool, **given: Any) -> int:
    form = chosen_format(given)
    if write and kind:
        raise UsageError("--write writes the schemas of all kinds", "leave the kind out")
    if write:
        return _write(context, form)
    found = schema.schema(kind) if kind else {each: schema.schema(each) for each in schema.TYPES}
    text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
    show("schema", found, text, form)
    return 0


def _write(context: Context, form: str) -> int:
    store = context.only_here("schema --write")
    paths = [str(path) for path in schema.write(store.location.records)]
    text = "\n".join(f"wrote {path}" for path in paths) or "all schemas are there already"
    show("schema", Written(written=paths), text, form)
    return 0


COMMAND = click.Command(
    "schema",
    callback=run,
    help=__doc__,
    params=[
        click.Argument(["kind"], required=False, type=click.Choice(list(schema.TYPES)), metavar="[KIND]"),
        click.Option(
            ["--write"], is_flag=True, help="Write all of them to .refactory/schemas, where editors look."
        ),
        *output_options(numbered=False),
    ],
)
