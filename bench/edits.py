"""How well damaged answers are applied: right, applied but wrong, refused, in each edit format.

    python bench/edits.py REPLAY.PY PLAN [PLAN ...] [--formats diff,...] [--levels 0,1,2] [--repeat N] [--write]

REPLAY.PY is the history replay benchmark, PLAN a folder that its `mine` made. Prints a Markdown table.
An answer that lost the blanks at the ends of its added lines can't be told from one that never had them: counted apart.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from page import write

from agents.edits import formats
from agents.edits.applier import apply
from agents.edits.changes import EditRefused

HEADER = (
    "| history | format | noise | answers | right % | trailing blanks lost % | wrong % | refused % | ms each |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    options = arguments()
    replay = load(options.replay)
    print(HEADER, flush=True)
    lines = [HEADER]
    for folder in options.plans:
        for form in options.formats.split(","):
            for level in options.levels.split(","):
                began, bench = time.process_time(), Bench(replay, folder, form)
                counts = bench.run(level, options.repeat if form == "diff" else 1, options.show)
                lines.append(f"| {bench.name} " + row(form, level, counts, time.process_time() - began))
                print(lines[-1], flush=True)
    if options.write:
        write("edits", "\n".join(lines))


def row(form: str, level: str, counts: Counter[str], seconds: float) -> str:
    total = max(1, counts.total())
    shares = [100 * counts[key] / total for key in ("right", "trail", "wrong", "refused")]
    cells = [f"{value:.1f}" for value in [*shares, 1000 * seconds / total]]
    return f"| {form} | {level} | {counts.total()} | {' | '.join(cells)} |"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("replay")
    parser.add_argument("plans", nargs="+")
    parser.add_argument("--formats", default=",".join(formats.FORMATS))
    parser.add_argument(
        "--levels", default="0,1,2,3,4,5", help="noise levels, or kinds as replay.py names them"
    )
    parser.add_argument("--repeat", type=int, default=3, help="diffs for each task, damaged differently")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument(
        "--show", choices=["trail", "wrong", "refused"], help="print these answers' outcome to stderr"
    )
    return parser.parse_args()


def load(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("replay", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["replay"] = module
    spec.loader.exec_module(module)
    return module


class Bench:
    def __init__(self, replay: Any, folder: str, form: str) -> None:
        self.replay = replay
        self.form = form
        self.plan = replay.Plan(folder)
        self.blobs = replay.Blobs(self.plan.git)
        self.name = self.plan.data["name"]

    def run(self, level: str, repeat: int, show: str | None) -> Counter[str]:
        counts = Counter[str]()
        for task in self.plan.tasks:
            for seed, answer in self.answers(task, level, 1 if level == "0" else repeat):
                outcome, why = self.outcome(task, answer)
                counts[outcome] += 1
                if outcome == show:
                    print(f"--- {seed} {self.form} noise {level}: {outcome}\n{why}\n", file=sys.stderr)
        self.blobs.close()
        return counts

    def answers(self, task: Any, level: str, repeat: int) -> Iterator[tuple[str, str]]:
        """The task's diff in the format, damaged: the seed decides how."""
        diff = self.plan.answer(task).decode(errors="surrogateescape")
        if not diff or any(file.binary for file in self.replay.parse_diff(diff)):
            return
        for number in range(repeat):
            if self.form == "diff":
                seed = f"{self.name}:{task['id']}:{number}"
                yield seed, self.replay.damaged_diff(diff, self.replay.noise_kinds(level), seed)
            else:
                self.plan.data["name"] = f"{self.name}:{number}"
                server = self.replay.Answers(self.plan, self.form, level, False)
                yield f"{self.name}:{number}:{task['id']}", server.word(task)
                server.blobs.close()
                self.plan.data["name"] = self.name

    def outcome(self, task: Any, answer: str) -> tuple[str, str]:
        before, after = (self.files(task[rev], task["files"]) for rev in ("start", "solution"))
        try:
            applied = apply(formats.parse(answer, self.form), before.get, task["files"])  # type: ignore[arg-type]
        except EditRefused as refusal:
            return "refused", refusal.message
        result = before | {path: change.content for path, change in applied.files.items()}
        result = {path: content for path, content in result.items() if content is not None}
        wrong = sorted(path for path in result.keys() | after.keys() if result.get(path) != after.get(path))
        if wrong and all(trimmed(result.get(path)) == trimmed(after.get(path)) for path in wrong):
            return "trail", f"{wrong} {applied.steps}"
        return ("wrong" if wrong else "right"), f"{wrong} {applied.steps}"

    def files(self, rev: str, paths: list[str]) -> dict[str, bytes]:
        listing = self.plan.git.raw("ls-tree", "-r", "-z", rev, "--", *paths)
        entries = [entry.split(b"\t", 1) for entry in listing.split(b"\0") if entry]
        return {
            path.decode(errors="surrogateescape"): self.blobs[meta.split()[2].decode()]
            for meta, path in entries
        }


def trimmed(content: bytes | None) -> list[bytes] | None:
    return None if content is None else [line.rstrip() for line in content.split(b"\n")]


if __name__ == "__main__":
    main()
