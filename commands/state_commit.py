"""Commit `.refactory/` alone; no hook runs, what else is staged or changed stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._cli import chosen_format, output_options, read_stdin
from commands._context import Context
from commands._output import show
from state.plural import plural

if TYPE_CHECKING:
    from agents.state_in_git.commit import StateCommit


@click.pass_obj
def run(context: Context, /, message: str | None, dry_run: bool, **given: Any) -> int:
    from agents.audit.mirror import checkpoint
    from agents.state_in_git.commit import commit_state

    form = chosen_format(given)
    store = context.only_here("state:commit")
    made = commit_state(store, read_stdin() if message == "-" else message, dry_run)
    if not dry_run:
        checkpoint(store)
    show("state:commit", made, _text(made, dry_run), form)
    return 0


def _text(made: StateCommit, dry_run: bool) -> str:
    paths = [("A", made.added), ("M", made.changed), ("D", made.removed)]
    if not any(found for _, found in paths):
        return "nothing to commit" + (
            f" ({plural(made.ignored, 'file')} ignored by git)" if made.ignored else ""
        )
    if dry_run:
        return "\n".join(f"{letter} {path}" for letter, found in paths for path in found)
    return f"{made.commit} on {made.branch or 'a detached HEAD'}: {made.message.strip().splitlines()[0]}"


COMMAND = click.Command(
    "state:commit",
    callback=run,
    help=__doc__,
    params=[
        click.Option(
            ["-m", "--message"], metavar="TEXT", help="The commit's message; - reads it from stdin."
        ),
        click.Option(["--dry-run"], is_flag=True, help="Only show which files it would commit."),
        *output_options(numbered=False),
    ],
)
