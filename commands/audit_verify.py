"""Check that no line of the audit logs was changed, dropped, moved or cut off; exit code 1 if one was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from commands._text import printable
from state.plural import plural

if TYPE_CHECKING:
    from agents.audit.verify import Finding, Verification


@click.pass_obj
def run(context: Context, /, strict: bool, accept: str | None, **given: Any) -> int:
    from agents.audit.mirror import checkpoint
    from agents.audit.verify import accept as accept_loss
    from agents.audit.verify import verified

    form = chosen_format(given)
    store = context.only_here("audit:verify")
    answer, heads = verified(store)
    if accept and answer.findings:
        accept_loss(store, answer.findings, accept)
        answer, heads = verified(store)
    if not answer.findings:
        checkpoint(store, heads)
    if strict:
        answer = replace(answer, findings=[*answer.findings, *answer.notes], notes=[])
    code = 1 if answer.findings else 0
    show("audit:verify", answer, _text(answer), form, code)
    return code


def _text(answer: Verification) -> str:
    lines = [_line(finding) for finding in answer.findings]
    lines += [f"note: {_line(note)}" for note in answer.notes]
    found = plural(len(answer.findings), "finding") if answer.findings else "whole"
    return printable(
        "\n".join([*lines, f"{plural(answer.lines, 'line')} in {plural(answer.files, 'file')}: {found}"])
    )


def _line(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    return f"{place}: {finding.message}" + (f"\n  {finding.hint}" if finding.hint else "")


COMMAND = click.Command(
    "audit:verify",
    callback=run,
    help=__doc__,
    params=[
        click.Option(
            ["--strict"],
            is_flag=True,
            help="Lines that are known of and not here count, wherever they may be.",
        ),
        click.Option(
            ["--accept"],
            metavar="REASON",
            help="Say in the log that lines which are gone are not missed; changed ones stay findings.",
        ),
        *output_options(numbered=False),
    ],
)
