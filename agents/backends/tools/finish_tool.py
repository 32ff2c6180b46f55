"""The model says that it is done. Whether it is, the tests say."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from agents.backends import tools
from agents.tasks.attempt import Job

DESCRIPTION = "Say that the task is done, or that it can't be done. Call it once, at the end."


class Arguments(tools.Arguments, frozen=True, kw_only=True):
    done: bool
    summary: Annotated[str, Meta(description="What was done, or why it can't be done.")] = ""


def use(_job: Job, arguments: Arguments) -> str:
    return arguments.summary
