"""The state at 100, 1,000, 10,000 and 100,000 records: list, show, create; cold and warm; memory; beside other tools.

    python bench/state.py [--quick] [--peers] [--write]

`--peers` measures other tools beside us, and first installs what the registries have: taskwarrior by apt-get,
backlog.md and @beads/bd by npm into a temporary folder. What is not to be had is said on stderr.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from measure import BARE, REFACTORY, Row, pairs, repository, run
from page import publish

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
LIST = (*REFACTORY, "tasks:list", "--state", "assigned")
READ_ALL = (sys.executable, "-c", """
import pathlib, yaml
for path in pathlib.Path('.refactory/tasks').glob('*.yaml'):
    yaml.load(path.read_bytes(), yaml.CSafeLoader)
""")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 records, few rounds")
    parser.add_argument("--peers", action="store_true", help="install other tools and measure them, too")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    publish("state", rows(options.quick, options.peers), options.write)


def rows(quick: bool, peers: bool = False) -> Iterator[Row]:
    sizes = (100, 1_000) if quick else (100, 1_000, 10_000, 100_000)
    rounds = 3 if quick else 7
    with ExitStack() as stack:
        folders = {}
        for size in sizes:
            folders[size] = stack.enter_context(repository(files=5, tasks="## One\n"))
            fill(folders[size], size)
        for size, folder in folders.items():
            yield from _lists(folder, size, rounds if size < 100_000 else 3)
        for size in sizes[1:]:
            for args, bound in ((["task:inspect", "50"], 1.3), (["request:create", "--title", "T"], 1.5)):
                yield _compared(folders[100], folders[size], size, rounds, args, bound)
        if peers:
            from peers import compared

            yield from compared(folders[1_000 if quick else 10_000], 1_000 if quick else 10_000)


def _lists(folder: Path, size: int, rounds: int) -> Iterator[Row]:
    bare, warm = pairs(
        rounds, lambda: run([*BARE, "greet", "you"], folder).cpu, lambda: run(LIST, folder).cpu
    )
    cold, reading = pairs(1 if size > 1_000 else 3, lambda: _cold(folder), lambda: run(READ_ALL, folder).cpu)
    what, program = f"`tasks:list --state assigned` of {size:,}", f"bare click program {_ms(bare)}"
    yield Row(f"{what}, warm, CPU", _ms(warm), program, warm / bare, 2.5 if size <= 10_000 else None)
    # To import PyYAML costs more than to read some hundreds of our own files: a bound only where reading counts.
    bound = 1.1 if size >= 10_000 else None
    yield Row(
        f"{what}, no index yet, CPU", _ms(cold), f"PyYAML's C loader {_ms(reading)}", cold / reading, bound
    )
    if size == 100_000:
        memory = run(LIST, folder).memory
        yield Row(f"{what}, memory", f"{memory:.0f} MB", "300 MB", memory / 300, 1)


def _cold(folder: Path) -> float:
    (folder / ".git/refactory/index.sqlite").unlink(missing_ok=True)
    return run(LIST, folder).cpu


def _compared(small: Path, large: Path, size: int, rounds: int, args: list[str], bound: float) -> Row:
    command = [*REFACTORY, *args]
    a, b = pairs(rounds, lambda: run(command, large).cpu, lambda: run(command, small).cpu)
    bound = 1.3 if size <= 10_000 else bound
    return Row(f"`{args[0]}` at {size:,} records, CPU", _ms(a), f"at 100 {_ms(b)}", a / b, bound)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms"


def fill(folder: Path, count: int) -> None:
    """So many tasks, a tenth of them assigned, and as many requests."""
    tasks, requests = folder / ".refactory/tasks", folder / ".refactory/requests"
    first = next(requests.glob("*.yaml")).read_text(encoding="utf-8")
    line = next(line for line in first.splitlines() if line.startswith("key: "))
    shutil.rmtree(tasks)
    tasks.mkdir()
    for n in range(1, count + 1):
        suffix = "".join("abcdefgh"[n >> shift & 7] for shift in range(0, 24, 3))
        state = "assigned" if n % 10 == 0 else "completed"
        text = TASK.format(n=n, suffix=suffix, state=state, agent=n % 4 + 1)
        (tasks / f"{n}-{suffix}.yaml").write_text(text, encoding="utf-8")
        request = first.replace(line, f"key: {n + 1}-{suffix}")
        (requests / f"{n + 1}-{suffix}.yaml").write_text(request, encoding="utf-8")


if __name__ == "__main__":
    main()
