"""Pairs of finished branches that will not merge with each other: what was seen last, for who looks at a plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from state.lifecycle import COMMITTED
from state.private_files import write_private
from state.records import Task


class Foreseen(msgspec.Struct, frozen=True, rename="camel"):
    """`tasks` and their `commits`, and the files that neither git nor a resolver can merge."""

    tasks: list[str]
    commits: list[str]
    files: list[str]


def write(private: Path, plan: str, found: Sequence[Foreseen]) -> None:
    if list(found) != _read(private, plan):
        write_private(_path(private, plan), msgspec.json.encode(found).decode())


def foreseen(private: Path, tasks: Sequence[Task]) -> list[Foreseen]:
    """Of commits that still are what their tasks have to show, as long as neither has landed."""
    if not tasks:
        return []
    now = {task.key: task.commit for task in tasks if task.state in COMMITTED}
    return [
        one for one in _read(private, tasks[0].plan) if [now.get(key) for key in one.tasks] == one.commits
    ]


def _read(private: Path, plan: str) -> list[Foreseen]:
    try:
        return msgspec.json.decode(_path(private, plan).read_bytes(), type=list[Foreseen])
    except (FileNotFoundError, msgspec.MsgspecError):
        return []


def _path(private: Path, plan: str) -> Path:
    return private / "foreseen" / f"{plan}.json"
