"""The history replay: real commits of a real program as tasks, a model that answers with the real diffs.

    python bench/replay.py REPLAY.PY PLAN [PLAN ...] [--coders 4] [--noise 0] [--format diff] [--write]

REPLAY.PY is the history replay benchmark, PLAN a folder that its `mine` made; bench/README.md has the commands.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import REFACTORY, environment, wait

HEADER = (
    "| set | answers | merged | of plain git | landed without its lines | tree is upstream's "
    "| lines of distance | wall | CPU | requests |\n|---|---|---|---|---|---|---|---|---|---|"
)
VERDICTS: dict[str, str] = {}  # of upstream's tests, by tree
CONFIG = """\
version: 1
coder:
  backend: model
model:
  model: replay
  api: chat
  baseUrl: {url}
planner:
  overlaps: {overlaps}
test:
  command: "true"
"""


@dataclass(frozen=True)
class Outcome:
    merged: int
    tasks: int
    score: dict[str, Any]
    left_out: list[str]
    false: list[str]
    seconds: float
    cpu: float
    requests: int
    tests: str


def main() -> None:
    options = arguments()
    lines, notes = [HEADER], []
    print(HEADER, flush=True)
    for noise in options.noise or ["0"]:
        for plan in map(Path, options.plans):
            found = replayed(options, plan.resolve(), noise)
            lines.append(row(options, plan, noise, found))
            print(lines[-1], flush=True)
            notes += [
                f"- {plan.name}, noise {noise}: {line}"
                for line in [*found.left_out, *found.false, found.tests]
            ]
    print("\n" + "\n".join(notes))
    if options.write:
        from page import write

        write("replay", "\n".join([*lines, "", *notes]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("replay")
    parser.add_argument("plans", nargs="+")
    parser.add_argument("--coders", default="4")
    parser.add_argument(
        "--noise", action="append", help="how damaged the answers are: 0 to 5; given again: more rows"
    )
    parser.add_argument("--format", default="diff")
    parser.add_argument("--overlaps", default="serialise", help="planner.overlaps: serialise or warn")
    parser.add_argument("--test-command", help="upstream's tests: run on the base and on the result")
    parser.add_argument(
        "--test-count",
        metavar="REGEX",
        help="its first group in what they print is a number of tests that passed",
    )
    parser.add_argument("--keep", help="leave the repository in this folder")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    return parser.parse_args()


def row(options: argparse.Namespace, plan: Path, noise: str, found: Outcome) -> str:
    cells = [
        plan.name, f"{options.format}, noise {noise}", f"{found.merged} of {found.tasks}",
        plain_git(plan), str(len(found.false)), "yes" if found.score["equal"] else "no", str(distance(found.score)),
        f"{found.seconds:.0f} s", f"{found.cpu:.0f} s", str(found.requests),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def plain_git(plan: Path) -> str:
    """What `git merge` of the real branches reaches, if the benchmark's `baseline` was run on this set."""
    with suppress(FileNotFoundError):
        rows = json.loads((plan / "baseline.json").read_text(encoding="utf-8"))
        return str(next(row["merged"] for row in rows if row["strategy"] == "merge"))
    return "?"


def distance(score: dict[str, Any]) -> int:
    return int(score["diff_lines"])


def replayed(options: argparse.Namespace, plan: Path, noise: str) -> Outcome:
    folder = Path(options.keep or tempfile.mkdtemp(prefix="refactory-replay-"))
    work, log = folder / plan.name, folder / f"{plan.name}.requests"
    replay = [sys.executable, options.replay]
    try:
        output([*replay, "export", str(plan), str(work)])
        with served([*replay, "serve", str(plan), "--format", options.format, "--noise", noise,
                     "--log", str(log)]) as url:  # fmt: skip
            configure(work, url, options.overlaps)
            began = time.monotonic()
            result, cpu = refactory(work, f"{work}.tasks.json", options.coders)
            seconds = time.monotonic() - began
        outcome = result["status"]["orchestration"]["outcome"]
        score = json.loads(
            output([*replay, "score", str(plan), str(work), "--ref", outcome["branch"]], fine=(0, 1))
        )
        titles = {task["key"]: f"{task['id']} “{task['title']}”" for task in result["status"]["tasks"]}
        return Outcome(
            merged=len(outcome["landed"]),
            tasks=len(titles),
            score=score,
            left_out=left_out(result, titles),
            false=landed_without_lines(result, titles, score),
            seconds=seconds,
            cpu=cpu,
            requests=len(log.read_text(encoding="utf-8").splitlines()),
            tests=tested(options, work, outcome["branch"]),
        )
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def configure(work: Path, url: str, overlaps: str) -> None:
    """Upstream's tree is the judge, so no test runs meanwhile."""
    output([*REFACTORY, "init"], work)
    (work / ".refactory" / "config.yaml").write_text(
        CONFIG.format(url=url, overlaps=overlaps), encoding="utf-8"
    )


def refactory(work: Path, tasks: str, coders: str) -> tuple[dict[str, Any], float]:
    """The whole run, and its CPU with that of all its agents."""
    argv = [*REFACTORY, "run", "--title", "Replay", "--from", tasks, "--agents", coders]
    argv += ["--until", "reconcile", "--json"]
    child = subprocess.Popen(argv, cwd=work, env=environment(OPENAI_API_KEY="none"), stdout=subprocess.PIPE)
    assert child.stdout
    said = child.stdout.read()
    spent = wait(child, time.monotonic())
    envelope = json.loads(said or b"{}")
    if not envelope.get("data"):
        raise SystemExit(f"refactory run: exit {child.returncode}: {envelope.get('errors')}")
    return envelope["data"], spent.cpu


def left_out(result: dict[str, Any], titles: dict[str, str]) -> list[str]:
    """Each task that is not on the branch, with the reason that Refactory gives."""
    attempts = {task["key"]: task["attempts"] for task in result["status"]["tasks"]}
    ejected = result["status"]["orchestration"]["outcome"]["ejected"]
    return [
        f"task {titles[e['task']]} left out after {attempts[e['task']]} attempts: {e['reason']}: "
        f"{' '.join(e['detail'].split())[:160]}"
        for e in ejected
    ]


def landed_without_lines(result: dict[str, Any], titles: dict[str, str], score: dict[str, Any]) -> list[str]:
    """What Refactory calls landed though lines that last in upstream's tree are not there."""
    names = [titles[landed["task"]] for landed in result["status"]["orchestration"]["outcome"]["landed"]]
    numbers = {f"t{int(name.split()[0].lstrip('t')):03}": name for name in names}
    shares = ((name, score["share"].get(number, 1)) for number, name in numbers.items())
    return [f"task {name} is called landed, but only {share:.0%} of its lines are there" for name, share in shares
            if share < 1]  # fmt: skip


def tested(options: argparse.Namespace, work: Path, branch: str) -> str:
    """What upstream's tests say of the base and of the result; a tree is built and tested once."""
    if not options.test_command:
        return "upstream's tests were not run: no --test-command"
    said = [verdict(options.test_command, options.test_count, work, name) for name in ("main", branch)]
    return f"upstream's tests: base {said[0]}; result {said[1]}"


def verdict(command: str, count: str | None, work: Path, name: str) -> str:
    tree = output(["git", "rev-parse", f"{name}^{{tree}}"], work).strip()
    if tree not in VERDICTS:
        with checked_out(work, name) as folder:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        found = re.findall(count, done.stdout + done.stderr) if count else []
        passed = f", {sum(map(int, found))} tests passed in {len(found)} programs" if found else ""
        VERDICTS[tree] = f"exit {done.returncode}{passed}"
    return VERDICTS[tree]


@contextmanager
def checked_out(work: Path, name: str) -> Iterator[Path]:
    """A fresh worktree in which nothing was built yet."""
    folder = Path(tempfile.mkdtemp(prefix="refactory-replay-test-"))
    try:
        output(["git", "worktree", "add", "-q", "--detach", str(folder / "tree"), name], work)
        yield folder / "tree"
    finally:
        output(["git", "worktree", "remove", "--force", str(folder / "tree")], work)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def served(argv: list[str]) -> Iterator[str]:
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stdout
    try:
        yield server.stdout.readline().strip()
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait()


def output(argv: list[str], cwd: Path | None = None, fine: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(argv, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode not in fine:
        raise SystemExit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
