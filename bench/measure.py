"""What the benchmarks share: children whose CPU is counted, repositories, rows of the table."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFACTORY = (sys.executable, str(ROOT / "refactory.py"))
BARE = (sys.executable, str(ROOT / "bench" / "bare_click.py"))


@dataclass(frozen=True)
class Spent:
    """Seconds, and megabytes at most. `cpu` counts the process and all children that it waited for."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Row:
    """`ours` and `theirs` are what was measured, in words; `bound` is None where nothing is claimed."""

    what: str
    ours: str
    theirs: str
    ratio: float | None = None
    bound: float | None = None
    at_least: bool = False

    def __str__(self) -> str:
        cells = [self.what, self.ours, self.theirs, _number(self.ratio), self._bound(), self._verdict()]
        return f"| {' | '.join(cells)} |"

    @property
    def kept(self) -> bool | None:
        if self.ratio is None or self.bound is None:
            return None
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound

    def _bound(self) -> str:
        return "" if self.bound is None else f"{'at least' if self.at_least else 'at most'} {self.bound:g}"

    def _verdict(self) -> str:
        return {None: "", True: "yes", False: "**no**"}[self.kept]


HEADER = "| what | Refactory | against | ratio | bound | kept |\n|---|---|---|---|---|---|"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


@cache
def home() -> Path:
    """A private home for all children; also for byte code, which an installed program has ready, too."""
    return Path(tempfile.mkdtemp(prefix="refactory-bench-home-"))


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    private = {"HOME": str(home()), "PYTHONPYCACHEPREFIX": str(home() / "bytecode")}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {**kept, **private, **git, **more}


def run(argv: Sequence[str], cwd: Path, **env: str) -> Spent:
    """Run it to its end; SystemExit if it fails. Output is thrown away."""
    began = time.monotonic()
    child = subprocess.Popen(
        argv, cwd=cwd, env=environment(**env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr
    said = child.stderr.read()
    spent = wait(child, began)
    if child.returncode:
        raise SystemExit(f"{' '.join(argv)}: exit {child.returncode}\n{said.decode(errors='replace')}")
    return spent


def wait(child: subprocess.Popen[bytes], began: float) -> Spent:
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return Spent(used.ru_utime + used.ru_stime, time.monotonic() - began, used.ru_maxrss / 1024)


def pairs(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The medians of measurements made in turn, so that a busy moment of the machine meets them all."""
    for measure in measures:
        measure()
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


@contextmanager
def repository(files: int = 50, tasks: str = "") -> Iterator[Path]:
    """A repository with some files and `refactory init`; with a task list also its plan."""
    folder = Path(tempfile.mkdtemp(prefix="refactory-bench-"))
    try:
        for number in range(files):
            path = folder / f"src/part{number % 7}/file{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"line {line} of {number}\n" for line in range(100)), encoding="utf-8")
        for args in (
            ["init", "-q", "-b", "main"],
            ["config", "user.name", "bench"],
            ["config", "user.email", "bench@example.com"],
            ["add", "."],
            ["commit", "-qm", "base"],
        ):
            run(["git", *args], folder)
        run([*REFACTORY, "init"], folder)
        if tasks:
            (folder / ".git" / "tasks.md").write_text(tasks, encoding="utf-8")
            run([*REFACTORY, "run", "--title", "T", "--from", ".git/tasks.md", "--until", "plan"], folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
