"""Show who changed what: the lines of all audit logs by time, the newest last."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import click
import msgspec
from msgspec import Meta

from commands._cli import command, to_params
from commands._context import Context
from commands._operation import Name, Operation, Page, Params
from commands._text import printable
from state.audit_entries import Entry, Tail, about, chosen, moment
from state.store import Store

_PAUSE = 200  # milliseconds between two looks

Test = Callable[[Entry], bool]


class AuditLog(Params):
    record: Annotated[
        Name | None, Meta(description="Only what was done to this record: tasks/3, 3-k3f9q2mx, or 3.")
    ] = None
    actor: Annotated[Name | None, Meta(description="Only what this actor did.")] = None
    command: Annotated[Name | None, Meta(description="Only what this command did.")] = None
    request: Annotated[Name | None, Meta(description="Only what was done for the request with this id.")] = (
        None
    )
    since: Annotated[
        Name | None, Meta(description="From this time on: 2026-11-22, 2026-11-22T10:30 (UTC), 90m, 2h, 7d.")
    ] = None
    until: Annotated[Name | None, Meta(description="Up to and with this day, hour or minute.")] = None
    limit: Annotated[int, Meta(ge=1, le=10_000, description="At most so many, the newest.")] = 100
    offset: Annotated[int, Meta(ge=0, le=999_999_999, description="Without so many of the newest.")] = 0


def run(store: Store, params: AuditLog) -> Page[Entry]:
    found = chosen(Tail(store.location.records / "audit").new(), _tests(params))
    end = max(0, len(found) - params.offset)
    items = found[max(0, end - params.limit) : end]
    return Page(items=items, total=len(found), limit=params.limit, offset=params.offset)


def _tests(params: AuditLog) -> Iterator[Test]:
    for name in ("actor", "command", "request"):
        wanted = getattr(params, name)
        if wanted is not None:
            yield _having(name, wanted)
    if params.record is not None:
        yield about(params.record)
    if params.since is not None:
        since = moment(params.since)
        yield lambda entry: entry.at[: len(since)] >= since
    if params.until is not None:
        until = moment(params.until)
        yield lambda entry: entry.at[: len(until)] <= until


def _having(name: str, wanted: str) -> Test:
    return lambda entry: bool(getattr(entry, name) == wanted)


def text(result: Page[Entry]) -> str:
    return "\n".join(map(_line, result.items)) or "no lines"


def _line(entry: Entry) -> str:
    """No columns: one that follows can't know how wide they will be."""
    step = entry.frm or "-" if entry.frm == entry.to else f"{entry.frm or '-'} -> {entry.to or '-'}"
    words = [entry.at, entry.actor, entry.command, entry.record, step, entry.note] if entry.at else []
    damage = f"DAMAGED {entry.file}:{entry.line}: {entry.damaged}" if entry.damaged else ""
    return printable("  ".join(" ".join(word.split()) for word in [*words, damage] if word))


def _follow(context: Context, _: Page[Entry], options: dict[str, Any]) -> None:
    """With --follow: until interrupted, or nobody reads on."""
    if not options["follow"]:
        return
    store = context.only_here("audit:log --follow")
    given = click.get_current_context().params
    params: AuditLog = to_params(AuditLog, given)
    shown = _json_line if given["as_json"] or given["form"] == "json" else _line
    tail, tests = Tail(store.location.records / "audit"), list(_tests(params))
    entries = chosen(tail.new(), tests)[-params.limit :]
    while True:
        for entry in entries:
            click.echo(shown(entry))
        if _closed_meanwhile():
            raise BrokenPipeError
        entries = chosen(tail.new(), tests)


def _json_line(entry: Entry) -> str:
    return msgspec.json.encode(entry).decode()


def _closed_meanwhile() -> bool:
    """Wait for a moment; true if the reader went away: without a new line no write would tell."""
    import select

    poller = select.poll()
    poller.register(sys.stdout.fileno(), 0)
    return bool(poller.poll(_PAUSE))


OPERATION = Operation(run, AuditLog, "GET /audit", text, role="viewer")
COMMAND = command(
    "audit:log",
    __doc__ or "",
    OPERATION,
    options=[
        click.Option(
            ["--follow"], is_flag=True, help="Go on with what is added; with --json one object on each line."
        )
    ],
    then=_follow,
    numbered=False,
)
