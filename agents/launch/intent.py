"""What a launch is about to do: kept beside it, so that one that ends after the merge is recorded all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from state.private_files import write_private
from state.records import Landing


class Intent(msgspec.Struct, frozen=True):
    landing: Landing
    review: str


@contextmanager
def intended(private: Path, plan: str, landing: Landing, review: str) -> Iterator[None]:
    """Around the merge and its record. It stays unless we come to the end: a signal, a full disk, or a lock that
    somebody holds may come between the two as well as a kill.
    """
    write_private(_path(private, plan), msgspec.json.encode(Intent(landing, review)).decode())
    yield
    forget(private, plan)


def left_by_killed(private: Path, plan: str) -> Intent | None:
    try:
        return msgspec.json.decode(_path(private, plan).read_bytes(), type=Intent)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def forget(private: Path, plan: str) -> None:
    _path(private, plan).unlink(missing_ok=True)


def _path(private: Path, plan: str) -> Path:
    return private / "launching" / f"{plan}.json"
