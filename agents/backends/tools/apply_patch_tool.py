"""Edits files, by the same applier as every other answer: all of a patch or none, inside the scope."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

from agents.backends import tools
from agents.backends.answer import apply
from agents.tasks.attempt import Job

DESCRIPTION = """\
Change files. `patch` goes from `*** Begin Patch` to `*** End Patch`, with a section for each file:
`*** Add File: PATH`, then the whole file, each line after a +;
`*** Delete File: PATH`;
`*** Update File: PATH`, then hunks that start with `@@`, whose lines start with a blank (unchanged), - or +.
Three unchanged lines above and below a change, copied exactly, say where it goes.
All of it is applied, or nothing, and then you are told why.\
"""


class Operation(msgspec.Struct, frozen=True):
    """As the native tool says it: one file, and its diff without the lines around."""

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: str = ""


class Arguments(tools.Arguments, frozen=True, kw_only=True):
    is_native = True

    patch: Annotated[str, Meta(min_length=1)]

    @classmethod
    def from_native(cls, given: str) -> Self:
        return cls(patch=patch_of(msgspec.json.decode(given, type=Operation)))


_HEADS = {"create_file": "Add", "update_file": "Update", "delete_file": "Delete"}


def use(job: Job, arguments: Arguments) -> str:
    applied = apply(job, arguments.patch, "apply_patch")
    if not applied.files:
        return "nothing was changed: the files are like that already"
    return "changed: " + ", ".join(sorted(applied.files))


def patch_of(operation: Operation) -> str:
    diff = operation.diff.strip("\n")
    section = f"*** {_HEADS[operation.type]} File: {operation.path}\n{diff}".rstrip("\n")
    return f"*** Begin Patch\n{section}\n*** End Patch\n"
