"""Other tools that keep tasks in a repository, listing and creating beside us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from measure import REFACTORY, Row, pairs, run

LIST = (*REFACTORY, "tasks:list", "--state", "assigned")
BACKLOG = """\
---
id: task-{n}
title: Task number {n}
status: {state}
assignee: []
created_date: '2026-01-01'
labels: []
dependencies: []
---

## Description

Change what number {n} is about.
"""


def compared(folder: Path, size: int) -> Iterator[Row]:
    """What is not to be had is said, and left out."""
    peers: tuple[Callable[[Path, Path, int], Iterator[Row]], ...] = (_taskwarrior, _backlog, _beads)
    for peer in peers:
        place = Path(tempfile.mkdtemp(prefix="refactory-bench-peer-"))
        try:
            yield from peer(place, folder, size)
        except (SystemExit, OSError, subprocess.SubprocessError) as error:
            print(f"{peer.__name__.strip('_')} is left out: {error}", file=sys.stderr)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _taskwarrior(place: Path, folder: Path, size: int) -> Iterator[Row]:
    if not shutil.which("task"):
        _install(["apt-get", "install", "-y", "-q", "taskwarrior"], place)
    settings = {"TASKRC": str(place / "rc"), "TASKDATA": str(place / "data")}
    (place / "rc").write_text(f"data.location={place}/data\nconfirmation=off\nhooks=off\n", encoding="utf-8")
    tasks = [_warrior(n) for n in range(1, size + 1)]
    (place / "tasks.json").write_text("\n".join(map(json.dumps, tasks)), encoding="utf-8")
    run(["task", "rc.verbose=nothing", "import", str(place / "tasks.json")], place, **settings)
    command = ["task", "+assigned", "list"]
    ours, theirs = pairs(5, lambda: run(LIST, folder).cpu, lambda: run(command, place, **settings).cpu)
    yield _row("taskwarrior", size, ours, theirs, 0.6)


def _backlog(place: Path, folder: Path, size: int) -> Iterator[Row]:
    _install(["npm", "install", "--silent", "--no-audit", "--no-fund", "backlog.md"], place)
    program = str(place / "node_modules/.bin/backlog")
    run(["git", "init", "-q", "-b", "main"], place)
    run([program, "init", "bench", "--defaults"], place)
    tasks = place / "backlog/tasks"
    tasks.mkdir(parents=True, exist_ok=True)
    for n in range(1, size + 1):
        text = BACKLOG.format(n=n, state="In Progress" if _tags(n) else "Done")
        (tasks / f"task-{n} - Task-number-{n}.md").write_text(text, encoding="utf-8")
    command = [program, "task", "list", "--plain", "-s", "In Progress"]
    ours, theirs = pairs(2, lambda: run(LIST, folder).cpu, lambda: run(command, place).cpu)
    yield _row("backlog.md", size, ours, theirs, 1 / 40)


def _beads(place: Path, folder: Path, size: int) -> Iterator[Row]:
    """Its package downloads a binary from elsewhere, which may not be there."""
    _install(["npm", "install", "--silent", "--no-audit", "--no-fund", "@beads/bd"], place)
    program = str(place / "node_modules/.bin/bd")
    run(["git", "init", "-q", "-b", "main"], place)
    run([program, "init"], place)
    tasks = "\n".join(f"## Task number {n}\n" for n in range(1, size + 1))
    (place / "tasks.md").write_text(tasks, encoding="utf-8")
    run([program, "create", "-f", "tasks.md"], place)
    ours, theirs = pairs(2, lambda: run(LIST, folder).cpu, lambda: run([program, "list"], place).cpu)
    yield _row("beads", size, ours, theirs, None)


def _warrior(n: int) -> dict[str, object]:
    """The same task, with what our records hold."""
    details = (f"Change what number {n} is about.", "It has two lines.", f"scope: src/part{n}/**")
    notes = [{"entry": f"20260101T00000{at}Z", "description": detail} for at, detail in enumerate(details)]
    tags = [*_tags(n), f"coder-{n % 4 + 1}"]
    task = {"description": f"Task number {n}", "project": "plan1", "entry": "20260101T000000Z"}
    return {**task, "tags": tags, "annotations": notes}


def _tags(n: int) -> list[str]:
    return ["assigned"] if n % 10 == 0 else []


def _row(name: str, size: int, ours: float, theirs: float, bound: float | None) -> Row:
    what = f"`tasks:list --state assigned` of {size:,}, warm, CPU, beside {name}"
    claimed = bound if size >= 10_000 else None
    return Row(what, f"{1000 * ours:,.0f} ms", f"{1000 * theirs:,.0f} ms", ours / theirs, claimed)


def _install(command: Sequence[str], place: Path) -> None:
    done = subprocess.run(
        command, cwd=place, env=os.environ, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise OSError(f"{' '.join(command)}: exit {done.returncode} {done.stderr.strip()[-200:]}")
