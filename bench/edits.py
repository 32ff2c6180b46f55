"""How well damaged unified diffs are applied: right, applied but wrong, refused.

    python bench/edits.py REPLAY.PY PLAN [PLAN ...] [--levels 0,1,2] [--repeat N]

REPLAY.PY is the history replay benchmark, PLAN a folder that its `mine` made. Prints a Markdown table.
An answer that lost the blanks at the ends of its added lines can't be told from one that never had them: counted apart.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agents.edits.applier import apply
from agents.edits.changes import EditRefused
from agents.edits.unified_diff import parse


def main() -> None:
    options = arguments()
    replay = load(options.replay)
    print("| noise | answers | right % | trailing blanks lost % | wrong % | refused % | ms each |")
    print("|---|---|---|---|---|---|---|")
    for level in options.levels.split(","):
        began, counts = time.process_time(), Counter[str]()
        for folder in options.plans:
            counts += Bench(replay, folder).run(level, options.repeat, options.show)
        cost = 1000 * (time.process_time() - began) / max(1, counts.total())
        shares = [
            100 * counts[key] / max(1, counts.total()) for key in ("right", "trail", "wrong", "refused")
        ]
        print(
            f"| {level} | {counts.total()} | " + " | ".join(f"{x:.1f}" for x in [*shares, cost]) + " |",
            flush=True,
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("replay")
    parser.add_argument("plans", nargs="+")
    parser.add_argument(
        "--levels", default="0,1,2,3,4,5", help="noise levels, or kinds as replay.py names them"
    )
    parser.add_argument("--repeat", type=int, default=3, help="answers for each task, damaged differently")
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
    def __init__(self, replay: Any, folder: str) -> None:
        self.replay = replay
        self.plan = replay.Plan(folder)
        self.blobs = replay.Blobs(self.plan.git)

    def run(self, level: str, repeat: int, show: str | None) -> Counter[str]:
        counts = Counter[str]()
        for task in self.plan.tasks:
            diff = self.plan.answer(task).decode(errors="surrogateescape")
            if not diff or any(file.binary for file in self.replay.parse_diff(diff)):
                continue
            for number in range(repeat if level != "0" else 1):
                seed = f"{self.plan.data['name']}:{task['id']}:{number}"
                answer = self.replay.damaged_diff(diff, self.replay.noise_kinds(level), seed)
                outcome, why = self.outcome(task, answer)
                counts[outcome] += 1
                if outcome == show:
                    print(f"--- {seed} noise {level}: {outcome}\n{why}\n", file=sys.stderr)
        self.blobs.close()
        return counts

    def outcome(self, task: Any, answer: str) -> tuple[str, str]:
        before, after = (self.files(task[rev], task["files"]) for rev in ("start", "solution"))
        try:
            applied = apply(parse(answer), before.get)
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
