"""Start-up: CPU of a command against that of a bare click program."""

from __future__ import annotations

from pathlib import Path

from measure import BARE, REFACTORY, Row, pairs, repository, run


def rows(quick: bool) -> list[Row]:
    rounds = 7 if quick else 31
    with repository(files=5, tasks="## One\n\n## Two\n") as folder:
        return [
            _row(folder, rounds, ["--help"], ["--help"]),
            _row(folder, rounds, ["task:inspect", "1"], ["greet", "you"]),
        ]


def _row(folder: Path, rounds: int, ours: list[str], theirs: list[str]) -> Row:
    def cpu(argv: list[str]) -> float:
        return run(argv, folder).cpu

    a, b = pairs(rounds, lambda: cpu([*REFACTORY, *ours]), lambda: cpu([*BARE, *theirs]))
    what = f"`refactory {' '.join(ours)}`, CPU"
    return Row(what, f"{1000 * a:.0f} ms", f"bare click program {1000 * b:.0f} ms", a / b, 1.6)
