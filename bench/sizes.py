"""What is measured without a claim: commands on 100 and on 10,000 tasks, with no index."""

from __future__ import annotations

import shutil
from pathlib import Path

from measure import BARE, REFACTORY, Row, pairs, repository, run

TASK = """\
key: {n}-{suffix}
version: 1
created: "2026-01-01T00:00:00Z"
plan: 1-aaaaaaaa
title: Task number {n}
detail: |
  Change what number {n} is about.
  It has two lines.
scope:
  - src/part{n}/**
state: {state}
agent: coder-{agent}
"""


def rows(quick: bool) -> list[Row]:
    many, rounds = (1_000, 3) if quick else (10_000, 5)
    with repository(files=5, tasks="## One\n") as small, repository(files=5, tasks="## One\n") as large:
        _fill(small, 100)
        _fill(large, many)
        bare, listed = pairs(
            rounds,
            lambda: run([*BARE, "greet", "you"], large).cpu,
            lambda: run([*REFACTORY, "tasks:list", "--state", "assigned"], large).cpu,
        )
        what = f"`tasks:list --state assigned` at {many:,} tasks, cold, CPU"
        return [
            Row(what, f"{listed:.2f} s", f"bare click program {1000 * bare:.0f} ms", listed / bare),
            _compared(small, large, rounds, many, ["task:inspect", "50"]),
            _compared(small, large, rounds, many, ["request:create", "--title", "T"]),
        ]


def _compared(small: Path, large: Path, rounds: int, many: int, command: list[str]) -> Row:
    a, b = pairs(
        rounds, lambda: run([*REFACTORY, *command], large).cpu, lambda: run([*REFACTORY, *command], small).cpu
    )
    what = f"`{command[0]}` at {many:,} records, CPU"
    return Row(what, f"{1000 * a:.0f} ms", f"at 100 {1000 * b:.0f} ms", a / b)


def _fill(folder: Path, count: int) -> None:
    tasks, requests = folder / ".refactory/tasks", folder / ".refactory/requests"
    first = next(requests.glob("*.yaml")).read_text(encoding="utf-8").splitlines()
    shutil.rmtree(tasks)
    tasks.mkdir()
    for n in range(1, count + 1):
        suffix = "".join("abcdefgh"[n >> shift & 7] for shift in range(0, 24, 3))
        state = "assigned" if n % 10 == 0 else "completed"
        text = TASK.format(n=n, suffix=suffix, state=state, agent=n % 4 + 1)
        (tasks / f"{n}-{suffix}.yaml").write_text(text, encoding="utf-8")
        request = "\n".join([f"key: {n + 1}-{suffix}", *first[1:]]) + "\n"
        (requests / f"{n + 1}-{suffix}.yaml").write_text(request, encoding="utf-8")
