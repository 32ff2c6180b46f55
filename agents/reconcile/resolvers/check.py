"""What must hold of a file that was not merged by git alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from agents.reconcile.resolvers.clash import Clash, lines_of

_MARKER = re.compile(rb"(<{7,}|>{7,}|\|{7,}|={7,})( |\r?\n?$)")


def has_markers(clash: Clash) -> bool:
    """A conflict marker that neither side had."""
    found = Counter(filter(_MARKER.match, lines_of(clash.content)))
    there = Counter(lines_of(clash.ours)) | Counter(lines_of(clash.theirs))
    return bool(found - there)


def lost_lines(clash: Clash) -> list[str]:
    """Lines that a side added, or both kept, and that are not there; blank ones aside."""
    base, ours, theirs, result = (
        Counter(line.rstrip(b"\r\n") for line in lines_of(data))
        for data in (clash.base, clash.ours, clash.theirs, clash.content)
    )
    wanted = {line: _wanted(base[line], ours[line], theirs[line]) for line in base | ours | theirs}
    return [
        line.decode("utf-8", "replace")
        for line, count in wanted.items()
        if line.strip() and result[line] < count
    ]


def _wanted(base: int, ours: int, theirs: int) -> int:
    """How often a line must be there. What both did in the same way may be the same change."""
    one, other = ours - base, theirs - base
    if one * other <= 0:
        return base + one + other
    pick: Callable[[int, int], int] = max if one > 0 else min
    return base + pick(one, other)
