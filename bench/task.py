"""One scripted task, from claim to record, in one coder: CPU against a shell script that does the same git work."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import REFACTORY, Row, environment, pairs, repository, run, wait

SHELL = """\
set -e
base=$(git rev-parse HEAD)
git worktree add -q --detach .git/shell-worktree "$base"
cd .git/shell-worktree
for diff in "$1"/*/1.diff; do
    git reset -q --hard "$base"
    git clean -ffdxq
    git apply --index "$diff"
    git commit -q -m "Task $diff"
    git branch -f "task-$(basename "$(dirname "$diff")")" HEAD
    git update-ref --no-deref HEAD "$base"
done
cd ../..
git worktree remove --force .git/shell-worktree
"""


def rows(quick: bool) -> list[Row]:
    count = 20 if quick else 100
    mine, shell = pairs(1 if quick else 3, lambda: _coder(count), lambda: _shell(count))
    what = f"one scripted task, mean of {count}, CPU"
    return [Row(what, f"{1000 * mine:.0f} ms", f"shell script {1000 * shell:.0f} ms", mine / shell, 2)]


@contextmanager
def _repository(count: int) -> Iterator[Path]:
    """A plan of so many tasks, and their answers in `.git/answers`. No two share a file: none waits for another."""
    numbers = range(1, count + 1)
    plan = "\n".join(f"## Task number {n}\nscope: {_changed(n)}, new/{n}.txt\n" for n in numbers)
    with repository(files=count + 1, tasks=plan) as folder:
        _answers(folder / ".git" / "answers", count)
        yield folder


def _shell(count: int) -> float:
    with _repository(count) as folder:
        return run(["sh", "-c", SHELL, "sh", str(folder / ".git" / "answers")], folder).cpu / count


def _coder(count: int) -> float:
    """The CPU of one coder, the start of its process included, until all tasks are recorded."""
    with _repository(count) as folder:
        with (folder / ".refactory" / "config.yaml").open("a", encoding="utf-8") as file:
            file.write("coder:\n  backend: scripted\n  answers: .git/answers\n")
        run([*REFACTORY, "orchestrate", "1", "--agents", "1"], folder)
        coder = subprocess.Popen(
            [*REFACTORY, "agent:coder", "--name", "coder-1"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        while len(list((folder / ".refactory" / "pulls").glob("*.yaml"))) < count:
            if coder.poll() is not None or time.monotonic() > began + 300:
                raise SystemExit("the coder did not do its tasks")
            time.sleep(0.05)
        coder.send_signal(signal.SIGTERM)
        return wait(coder, began).cpu / count


def _changed(n: int) -> str:
    return f"src/part{n % 7}/file{n}.txt"


def _answers(folder: Path, count: int) -> None:
    """Each task changes one line of a file and makes a new one."""
    for n in range(1, count + 1):
        path = folder / f"task-number-{n}" / "1.diff"
        path.parent.mkdir(parents=True)
        file = _changed(n)
        old = [f"line {line} of {n}" for line in range(10, 17)]
        body = "".join(f" {line}\n" for line in old[:3]) + f"-{old[3]}\n+changed by {n}\n"
        body += "".join(f" {line}\n" for line in old[4:])
        new = f"diff --git a/new/{n}.txt b/new/{n}.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new/{n}.txt\n"
        path.write_text(
            f"diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -11,7 +11,7 @@\n{body}"
            f"{new}@@ -0,0 +1 @@\n+new file {n}\n",
            encoding="utf-8",
        )
