"""The combination of many tasks: CPU of `refactory reconcile` against a shell loop of merge-tree and commit-tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import REFACTORY, ROOT, Row, pairs, repository, run

sys.path.insert(0, str(ROOT))

from agents.tasks.completion import report, report_tests
from agents.tasks.dispatch import claim
from agents.tasks.work import Report
from state.records import Tests
from state.store import Store

SHELL = """\
set -e
head=$(git rev-parse main)
while read -r commit; do
    tree=$(git merge-tree --write-tree "$head" "$commit")
    head=$(git commit-tree -p "$head" -p "$commit" -m "Merge $commit" "$tree")
done < "$1"
git branch -f shell "$head"
"""
IMPORT = """\
commit refs/heads/work/{number}
committer bench <bench@example.com> 1700000000 +0000
data 4
work
from refs/heads/main^0
M 100644 inline new/{number}.txt
data 2
x

M 100644 inline src/part{part}/file{file}.txt
data {size}
{text}
"""


def rows(quick: bool) -> list[Row]:
    count = 20 if quick else 100
    with _completed(count) as folder:
        listed = folder / ".git" / "commits"
        shell = lambda: run(["sh", "-c", SHELL, "sh", str(listed)], folder).cpu  # noqa: E731
        ours = lambda: run([*REFACTORY, "reconcile", "1"], folder).cpu  # noqa: E731
        mine, theirs = pairs(3 if quick else 7, ours, shell)
    per = [1000 * value / count for value in (mine, theirs)]
    what = f"reconcile {count} tasks, CPU of each, the program's start and its records included"
    return [Row(what, f"{per[0]:.1f} ms", f"shell loop {per[1]:.1f} ms", mine / theirs, 1.3)]


@contextmanager
def _completed(count: int) -> Iterator[Path]:
    """A plan whose tasks are all completed: each has changed one line of a file and made a new one."""
    tasks = "\n".join(f"## Task number {n}\n" for n in range(1, count + 1))
    with repository(files=2000, tasks=tasks) as folder:
        (folder / ".refactory" / "config.yaml").write_text("test:\n  required: false\n", encoding="utf-8")
        run([*REFACTORY, "orchestrate", "1", "--agents", "1"], folder)
        commits = _commits(folder, count)
        (folder / ".git" / "commits").write_text("".join(f"{one}\n" for one in commits), encoding="utf-8")
        store = Store.open(folder)
        for commit in commits:
            given = claim(store, "coder-1", "coder", None)
            assert given
            report(store, "coder-1", given.task.key, given.token, Report(commit=commit, branch="work"))
            tested = claim(store, "tester-1", "tester", None)
            assert tested
            verdict = Tests(verdict="passed", tester="tester-1", commands=["true"])
            report_tests(store, given.task.key, tested.token, commit, verdict)
        yield folder


def _commits(folder: Path, count: int) -> list[str]:
    script = "".join(_import(folder, number) for number in range(1, count + 1))
    (folder / ".git" / "import").write_text(script, encoding="utf-8")
    run(["sh", "-c", "git fast-import --quiet < .git/import && git repack -adq"], folder)
    listed = "git for-each-ref --sort=v:refname --format='%(objectname)' refs/heads/work > .git/listed"
    run(["sh", "-c", listed], folder)
    return (folder / ".git" / "listed").read_text(encoding="utf-8").split()


def _import(folder: Path, number: int) -> str:
    part, file = number % 7, number
    path = folder / f"src/part{part}/file{file}.txt"
    text = path.read_text(encoding="utf-8").replace("line 13 of", f"changed by {number} of")
    return IMPORT.format(number=number, part=part, file=file, size=len(text.encode()), text=text)
