"""Check records, branches, leases and worktrees; with --fix, mend what has one right answer."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import click
import msgspec

from agents.diagnosis.finding import Problem
from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from state.errors import RefactoryError
from state.location import initialised, locate
from state.store import Store


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`fixed` problems are gone; exit code 0 means that none is left. `backup`: what was kept of what changed;
    `sandbox`: what tests and coders run behind.
    """

    problems: list[Problem]
    fixed: list[Problem] = []
    backup: list[str] = []
    failed: list[str] = []
    sandbox: str = ""


@click.pass_obj
def run(context: Context, /, fix: bool, dry_run: bool, **given: Any) -> int:
    form = chosen_format(given)
    store = _store(context)
    diagnosis = _mended(store) if fix and not dry_run else _found(store)
    diagnosis = msgspec.structs.replace(diagnosis, sandbox=_sandbox(store))
    if form == "text":
        print(f"refactory: sandbox: {diagnosis.sandbox}", file=sys.stderr)
    code = 1 if diagnosis.problems else 0
    show("doctor", diagnosis, _text(diagnosis, _how(fix, dry_run)), form, code)
    return code


def _store(context: Context) -> Store:
    """Not opened as usual, which would finish what a killed command began before we could tell."""
    if context.api_url:
        return context.only_here("doctor")
    return Store(initialised(locate(context.folder)))


def _found(store: Store) -> Diagnosis:
    from agents.diagnosis.checkup import diagnose

    return Diagnosis(problems=[one.problem for one in diagnose(store)])


def _mended(store: Store) -> Diagnosis:
    from agents.diagnosis.backup import Backup
    from agents.diagnosis.checkup import mend

    backup = Backup(store.location)
    fixed, left = mend(store, backup)
    return Diagnosis(problems=left, fixed=fixed, backup=backup.kept, failed=backup.failed)


def _sandbox(store: Store) -> str:
    """What tests and coders run behind, by this machine and the configuration."""
    from agents.sandbox.bubblewrap import program, why_not

    reason = why_not()
    here = f"bubblewrap does not work here: {reason}" if reason else f"bwrap works ({program()})"
    with suppress(RefactoryError):  # a configuration that can't be read is a problem that is named
        if store.config.walls.mode == "none":
            return f"none, as `sandbox: none` is configured; {here}"
    return f"none: {here}" if reason else here


def _how(fix: bool, dry_run: bool) -> str:
    """What a fix that is named for a problem means: an offer, a plan, or what was tried and did not help."""
    return "--fix" if not fix else "would be done" if dry_run else "tried"


def _text(diagnosis: Diagnosis, how: str) -> str:
    lines = [f"fixed: {problem.message} (done: {problem.fix})" for problem in diagnosis.fixed]
    lines += [f"backup: {kept}" for kept in diagnosis.backup]
    lines += [f"can't be mended now: {reason}" for reason in diagnosis.failed]
    if any("/.refactory/" in kept for kept in diagnosis.backup):
        lines.append("`refactory state:commit` commits what changed in the records")
    for problem in diagnosis.problems:
        fix = f"{how}: {problem.fix}" if problem.fix else problem.hint
        lines.append(f"{problem.check}: {problem.message}{f' ({fix})' if fix else ''}")
    return "\n".join(lines or ["healthy"])


COMMAND = click.Command(
    "doctor",
    callback=run,
    help=__doc__,
    params=[
        click.Option(["--fix"], is_flag=True, help="Mend what has one right answer, after a backup."),
        click.Option(["--dry-run"], is_flag=True, help="With --fix: say what it would do, and do nothing."),
        *output_options(numbered=False),
    ],
)
