"""Places for the bars of a timeline. Long pauses, such as a night between two runs, are cut short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from commands._report.timeline import STAGES, Bar

WIDTH, LEFT, ROW, TOP = 1040, 104, 32, 30
_CUT = 26  # what is left of a long pause
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True)
class Placed:
    bar: Bar
    x: float
    y: float
    width: float
    took: str


@dataclass(frozen=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True)
class Chart:
    width: int
    height: int
    lanes: list[tuple[str, float]]
    bars: list[Placed]
    ticks: list[Tick]
    cuts: list[Tick]


def chart(bars: Sequence[Bar]) -> Chart:
    lanes = _lanes(bars)
    rows = {lane: TOP + number * ROW for number, lane in enumerate(lanes)}
    spans = _spans(bars)
    scale = _Scale(spans)
    placed = [_placed(bar, rows[bar.lane], scale) for bar in bars]
    return Chart(
        WIDTH,
        TOP + len(lanes) * ROW + 8,
        list(rows.items()),
        placed,
        _ticks(spans, scale),
        [
            Tick(scale.x(after[0]) - _CUT / 2, duration(after[0] - before[1]))
            for before, after in _pairs(spans)
        ],
    )


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    for size, name, small, unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {name}" + (f" {rest} {unit}" if rest else "")
    return f"{whole} s"


def _lanes(bars: Sequence[Bar]) -> list[str]:
    """Coders, testers, then the stages in their order."""
    stages = list(STAGES.values())
    found = dict.fromkeys(bar.lane for bar in bars)
    agents = sorted((lane for lane in found if lane not in stages), key=lambda lane: (len(lane), lane))
    coders = [lane for lane in agents if not lane.startswith("tester")]
    return [*coders, *(lane for lane in agents if lane not in coders), *(s for s in stages if s in found)]


def _spans(bars: Sequence[Bar]) -> list[tuple[float, float]]:
    """When anything was done; pauses that are not long are a part of it."""
    spans: list[tuple[float, float]] = []
    for begin, end in sorted((bar.begin, bar.end) for bar in bars):
        if spans and begin <= spans[-1][1] + 60:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((begin, end))
    return spans


def _pairs(spans: Sequence[tuple[float, float]]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return list(pairwise(spans))


class _Scale:
    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._spans = spans
        self.busy = max(1.0, sum(end - begin for begin, end in spans))
        self._unit = (WIDTH - LEFT - 16 - _CUT * max(0, len(spans) - 1)) / self.busy

    def x(self, moment: float) -> float:
        x = float(LEFT)
        for begin, end in self._spans:
            if moment <= end:
                return round(x + max(0.0, moment - begin) * self._unit, 1)
            x += (end - begin) * self._unit + _CUT
        return round(x - _CUT, 1)


def _placed(bar: Bar, y: float, scale: _Scale) -> Placed:
    x = scale.x(bar.begin)
    return Placed(bar, x, y, max(5.0, round(scale.x(bar.end) - x, 1)), duration(bar.end - bar.begin))


def _ticks(spans: Sequence[tuple[float, float]], scale: _Scale) -> list[Tick]:
    step = next((step for step in _STEPS if scale.busy / step <= 10), _STEPS[-1])
    found = []
    for begin, end in spans:
        moments = (begin + number * step for number in range(int((end - begin) / step) + 1))
        found += [Tick(scale.x(moment), f"+{duration(moment - spans[0][0])}") for moment in moments]
    return found
