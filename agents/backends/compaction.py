"""Long conversations made to fit: old results of tools are left out first, as they can be asked for again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from agents.model.tokens import tokens_of
from agents.model.tools import Turn

LEFT_OUT = "[left out to save room; use the tool again if you need it]"
_FRESH = 4  # results at the end that the model has hardly begun to use
_SMALL = 200  # characters; to leave out less than this saves nothing


def compacted(turns: Sequence[Turn], size: int, room: int) -> list[Turn]:
    """The turns with as many of the oldest results left out as it takes to get from `size` to `room` tokens."""
    found = list(turns)
    old = [at for at, turn in enumerate(found) if turn.call][:-_FRESH]
    for at in old:
        if size <= room:
            break
        if len(found[at].text) > _SMALL:
            size -= tokens_of(found[at].text)
            found[at] = replace(found[at], text=LEFT_OUT)
    return found
