"""Resolutions that proved right once, used again where the same lines clash: one folder for each plan.

Git's own rerere needs a working tree and an index; here a region is known by what its three sides are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from agents.reconcile.resolvers.clash import Clash, Lines, Region
from state.private_files import write_private

NAME = "rerere"
_CONTEXT = 3  # lines beside a region by which it is found again in what somebody made of the file


class Rerere:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, clash: Clash, /) -> Clash:
        return clash.fill(NAME, self._known)

    def learn(self, region: Region, lines: Lines) -> None:
        write_private(self._path(region), msgspec.json.encode(lines).decode())

    def learn_from(self, clash: Clash, made: Lines) -> None:
        """From a whole file that somebody made of the clash, as far as the regions can be found in it."""
        at = 0
        for number, part in enumerate(clash.parts):
            if not isinstance(part, Region):
                continue
            before, after = _beside(clash, number)
            start = _find(made, before, at)
            end = None if start is None else _find(made, after, start + len(before))
            if start is None or end is None:
                return
            self.learn(part, made[start + len(before) : end])
            at = end

    def _known(self, region: Region) -> Lines | None:
        try:
            return msgspec.json.decode(self._path(region).read_bytes(), type=Lines)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def _path(self, region: Region) -> Path:
        said = msgspec.json.encode(region)
        return self._folder / f"{hashlib.sha256(said).hexdigest()[:40]}.json"


def _beside(clash: Clash, number: int) -> tuple[Lines, Lines]:
    """The nearest lines that both sides agree on."""
    before = clash.parts[number - 1] if number else ()
    after = clash.parts[number + 1] if number + 1 < len(clash.parts) else ()
    assert not isinstance(before, Region)
    assert not isinstance(after, Region)
    return before[-_CONTEXT:], after[:_CONTEXT]


def _find(lines: Lines, wanted: Lines, start: int) -> int | None:
    """Where `wanted` begins at or after `start`; without lines to look for, there or at the end."""
    if not wanted:
        return start if start == 0 else len(lines)
    places = (at for at in range(start, len(lines)) if lines[at : at + len(wanted)] == wanted)
    return next(places, None)
