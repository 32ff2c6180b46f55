"""Make a request of an issue on GitHub, GitLab or Forgejo."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from commands._operation import Operation, Params
from commands._records_text import request_text
from state.errors import UsageError
from state.records import Request
from state.store import Store

_TITLE = 500  # characters, as for request:create
_MOST = 1_000_000


class RequestImport(Params):
    issue: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=2000,
            description="Its URL, or its number in the remote's repository.",
            extra={"metavar": "<issue>", "argument": True},
        ),
    ]
    remote: (
        Annotated[str, Meta(min_length=1, description="For a number: the git remote. Default: origin.")]
        | None
    ) = None


class Imported(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`new` is false for an issue that has a request already: its text is not read again."""

    request: Request
    new: bool


def run(store: Store, params: RequestImport) -> Imported:
    from agents.forge.issues import read_issue

    issue = read_issue(store, params.issue, params.remote)
    title = " ".join(issue.title.replace("\0", "").split())[:_TITLE]
    if not title:
        raise UsageError(f"{issue.url} has no title")
    description = "\n".join(issue.body.splitlines())[:_MOST].replace("\0", "")
    with store.transaction("request:import") as changes:
        there = changes.all(Request, lambda one: one.issue == issue.url and one.state != "cancelled")
        if there:
            return Imported(request=there[-1], new=False)
        made = changes.new(Request, title=title, description=description, issue=issue.url)
        return Imported(request=made, new=True)


def text(imported: Imported) -> str:
    return request_text(imported.request)


def status(imported: Imported) -> int:
    return 201 if imported.new else 200


OPERATION = Operation(run, RequestImport, "POST /requests/import", text, status=status)
