"""Apply a model's answer from standard input to a git work tree: all of it, or nothing.

It may be a unified diff, SEARCH/REPLACE blocks, an apply_patch patch, or whole files, with prose around it.
DIR is any folder of the work tree (default: here); paths in the answer start at the work tree's top.
What can't be applied without guessing is refused with exit code 4 and the reasons, and the tree stays as it was.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from commands._cli import chosen_format, output_options
from commands._context import Context
from commands._output import show
from state.errors import Busy, UsageError
from state.location import Location, locate

if TYPE_CHECKING:
    from pathlib import Path

    from agents.edits.changes import Applied


class AppliedFile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`moved_from`: the path that it had, or that it was copied from."""

    path: str
    change: str
    moved_from: str | None = None


class Hunk(msgspec.Struct, frozen=True, kw_only=True):
    """How tolerant one hunk had to be read; `exact` is not at all."""

    path: str
    number: int
    step: str


class PatchApplied(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`written` is false with --check."""

    edit_format: str
    written: bool
    files: list[AppliedFile]
    hunks: list[Hunk]


@click.pass_obj
def run(
    context: Context,
    /,
    folder: str | None,
    scope: tuple[str, ...],
    check: bool,
    base: str | None,
    edit_format: str | None,
    **given: Any,
) -> int:
    form = chosen_format(given)
    if context.api_url:
        raise UsageError("patch:apply works on files of this machine, not through REF_API_URL")
    place = locate(context.folder / folder if folder else context.folder)
    asked = _Asked(_answer(), place, scope, base, edit_format)
    result = _looked(asked) if check else _applied(asked)
    show("patch:apply", result, text(result), form)
    return 0


class _Asked(NamedTuple):
    answer: str
    place: Location
    scope: tuple[str, ...]
    base: str | None
    edit_format: str | None


def _looked(asked: _Asked) -> PatchApplied:
    from agents.edits.tree.unfinished import JOURNAL

    if (asked.place.own_private / JOURNAL).exists():
        raise Busy(
            "another patch:apply is at work, or was killed", "wait for it, or run `refactory doctor --fix`"
        )
    return _result(*_tried(asked), written=False)


def _applied(asked: _Asked) -> PatchApplied:
    from agents.edits.tree.unfinished import exclusively
    from agents.edits.tree.worktree import is_stale, write

    root, private = asked.place.root, asked.place.own_private
    tried = _tried_early(asked, private)
    with exclusively(private, root) as (journal, undone):
        if undone is not None:
            click.echo(f"refactory: {undone.told()}", err=True)
        if tried is None or is_stale(tried[1], root):
            tried = _tried(asked)
        result = _result(*tried, written=True)
        write(tried[1], root, journal)
    return result


def _tried_early(asked: _Asked, private: Path) -> tuple[str, Applied] | None:
    """Before the lock, as a refusal then leaves no trace; None where somebody else may have been at work meanwhile."""
    from agents.edits.changes import EditRefused
    from agents.edits.tree.unfinished import JOURNAL, LOCK

    if (private / JOURNAL).exists():
        return None
    try:
        return _tried(asked)
    except EditRefused:
        if (private / LOCK).exists():
            return None
        raise


def _tried(asked: _Asked) -> tuple[str, Applied]:
    from agents.edits import formats
    from agents.edits.patch import try_answer

    place = asked.place
    found = formats.detect(asked.answer, asked.edit_format)  # type: ignore[arg-type]
    reader = _reader(place, asked.base) if asked.base else None
    return found, try_answer(asked.answer, place.root, asked.scope, found, reader, partial(_check, place))


def _check(place: Location, applied: Applied) -> None:
    from agents.edits.tree.tracked import check_free
    from agents.git.repository import Repository

    check_free(Repository(place.own_git_dir, work_tree=place.root), place.root, applied)


def _result(found: str, applied: Applied, written: bool) -> PatchApplied:
    """With paths that can be printed in any format, whatever bytes they have."""
    files = []
    for path, change in applied.files.items():
        was = applied.before.get(path)
        what = "deleted" if change.content is None else "created" if was is None else "modified"
        files.append(
            AppliedFile(path=_shown(path), change=what, moved_from=change.source and _shown(change.source))
        )
    hunks = [Hunk(path=_shown(path), number=number, step=step) for path, number, step in applied.steps]
    return PatchApplied(edit_format=found, written=written, files=files, hunks=hunks)


def _shown(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _answer() -> str:
    from agents.edits.changes import MAX_ANSWER

    return sys.stdin.buffer.read(MAX_ANSWER + 1).decode(errors="surrogateescape")


def _reader(place: Location, revision: str) -> Any:
    from agents.git.repository import Repository
    from state.errors import NotFound

    git = Repository(place.git_dir)
    commit = git.resolve(revision)
    if commit is None:
        raise NotFound(f"{revision}: no such commit")
    return lambda path: git.blob(commit, os.fsdecode(path))


def text(result: PatchApplied) -> str:
    lines = [
        f"{each.change} {each.path}" + (f" from {each.moved_from}" if each.moved_from else "")
        for each in result.files
    ] or ["nothing to change"]
    lines += [
        f"{hunk.path}, hunk {hunk.number}: placed by {hunk.step}"
        for hunk in result.hunks
        if hunk.step != "exact"
    ]
    return "\n".join(lines)


COMMAND = click.Command(
    "patch:apply",
    callback=run,
    help=__doc__,
    params=[
        click.Argument(["folder"], required=False, type=click.Path(), metavar="[DIR]"),
        click.Option(
            ["--scope"], multiple=True, metavar="GLOB", help="Refuse other paths; may be given several times."
        ),
        click.Option(["--check"], is_flag=True, help="Only say what would be done."),
        click.Option(
            ["--base"], metavar="REV", help="Refuse an edit of a file that is not as in this commit."
        ),
        click.Option(
            ["--edit-format"],
            type=click.Choice(["diff", "search_replace", "apply_patch", "whole_file"]),
            help="What the answer should be in; another one is understood if it is unmistakable.",
        ),
        *output_options(numbered=False),
    ],
)
