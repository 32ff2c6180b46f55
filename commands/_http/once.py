"""Idempotency-Key: a POST that is sent again gets the first one's answer, for a day."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from commands._http.problems import Refused
from state.lock import locked
from state.private_files import write_private

HEADER = "Idempotency-Key"
_DAY = 24 * 3600.0


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes


class _Kept(msgspec.Struct, frozen=True):
    asked: str
    answer: Answer


def once(folder: Path, key: str, asked: bytes, work: Callable[[], Answer]) -> Answer:
    """Do it, or answer as the first time. What failed is not kept: it may be tried again with the same key."""
    name, fingerprint = _digest(key.encode()), _digest(asked)
    path = folder / f"{name}.json"
    with locked(folder / f"{name}.lock", f"a request with this {HEADER}"):
        kept = _read(path)
        if kept is None:
            answer = work()
            write_private(path, msgspec.json.encode(_Kept(fingerprint, answer)).decode())
            return answer
    if kept.asked != fingerprint:
        raise Refused(422, "key_reused", f"this {HEADER} came with another request before")
    return kept.answer


def forget_old(folder: Path) -> None:
    """Called when the server starts."""
    for path in folder.glob("*.*"):
        if time.time() - path.stat().st_mtime > _DAY:
            path.unlink(missing_ok=True)


def _read(path: Path) -> _Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
