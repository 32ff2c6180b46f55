"""Check records, branches, leases and worktrees; with --fix, mend what has one right answer."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from agents.diagnosis import Problem
from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`fixed` problems are gone; exit code 0 means that none is left."""

    problems: list[Problem]
    fixed: list[Problem]


@click.pass_obj
def run(context: Context, /, **given: Any) -> int:
    from agents.diagnosis import diagnose

    form = chosen_format(given)
    store = context.only_here("doctor")
    found = diagnose(store)
    fixable = [one for one in found if given["fix"] and one.mend]
    for one in fixable:
        assert one.mend
        one.mend()
    left = [one.problem for one in (diagnose(store) if fixable else found)]
    fixed = [one.problem for one in fixable if one.problem not in left]
    show("doctor", Diagnosis(problems=left, fixed=fixed), _text(left, fixed), form, 1 if left else 0)
    return 1 if left else 0


def _text(left: list[Problem], fixed: list[Problem]) -> str:
    lines = [f"fixed: {problem.message}" for problem in fixed]
    for problem in left:
        hint = f" (--fix: {problem.fix})" if problem.fix else ""
        lines.append(f"{problem.check}: {problem.message}{hint}")
    return "\n".join(lines or ["healthy"])


COMMAND = click.Command(
    "doctor",
    callback=run,
    help=__doc__,
    params=[
        click.Option(["--fix"], is_flag=True, help="Mend what has one right answer."),
        *output_options(numbered=False),
    ],
)
