"""Many processes that create requests at once: how many a second, and whether any is lost."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path

from measure import BARE, REFACTORY, Row, repository, run


def rows(quick: bool) -> list[Row]:
    each, rounds = (5, 1) if quick else (25, 3)
    ours, theirs = [], []
    for _ in range(rounds):
        with repository(files=5) as folder:
            ours.append(_seconds(folder, each, f"{_words(REFACTORY)} request:create --title T"))
            lost = 8 * each - _distinct(folder)
        with repository(files=5) as folder:
            theirs.append(_seconds(folder, each, f"{_words(BARE)} greet you"))
    a, b = (8 * each / statistics.median(times) for times in (ours, theirs))
    what = f"8 processes x {each} `request:create`, per second ({lost} lost)"
    return [
        Row(what, f"{a:.1f}/s", f"bare click program {b:.1f}/s", a / b if not lost else 0, 0.5, at_least=True)
    ]


def _words(argv: tuple[str, ...]) -> str:
    return " ".join(f"'{word}'" for word in argv)


def _seconds(folder: Path, each: int, command: str) -> float:
    """The wall time of eight shells that each run the command so often; all must succeed."""
    loop = f"for i in $(seq {each}); do {command} >/dev/null || exit 1; done"
    start = f'for p in 1 2 3 4 5 6 7 8; do ({loop}) & pids="$pids $!"; done'
    script = f"{start}; for p in $pids; do wait $p || exit 1; done"
    return run(["sh", "-c", script], folder).wall


def _distinct(folder: Path) -> int:
    """Requests by their numbers: one that was overwritten, or shares its number, is lost."""
    numbers = Counter(path.name.partition("-")[0] for path in (folder / ".refactory/requests").glob("*.yaml"))
    return sum(1 for count in numbers.values() if count == 1)
