"""An answer that was made of the base, for a task that starts from another one's result."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.coder import attempt
from agents.model.meter import Meter
from agents.orchestrator import orchestrate
from agents.planner import plan
from agents.tasks.dispatch import claim
from agents.tasks.work import Report
from agents.worktrees.workspace import local
from state.records import Request
from state.store import Store
from tests.agents.finished import complete
from tests.conftest import Repo

Answered = Callable[[str], Report]

# Between changed lines, so that neither the numbers nor the unchanged lines beside it are as in the start.
ANSWER = """\
--- a/f
+++ b/f
@@ -4,3 +4,3 @@
 4
-5
+{}
 6
"""


def text(**changed: str) -> str:
    """Lines by their numbers, `_3="x"`."""
    return "".join(changed.get(f"_{n}", f"{n}\n") for n in range(1, 9))


@pytest.fixture
def answered(repo: Repo, store: Store) -> Answered:
    """Of two tasks on one file the first is done; what the second makes of it, with a scripted answer."""
    repo.commit({"f": text()})
    config = repo.path / ".refactory" / "config.yaml"
    config.write_text("sandbox:\n  mode: none\ncoder:\n  backend: scripted\n  answers: answers\n")
    here = Store(store.location)
    with here.transaction("test") as changes:
        request = changes.new(Request, title="T")
    tasks = "## First\nscope: f\n\n## Second\nscope: f\n"
    orchestrate(here, plan(here, request.key, tasks, "template").key, 1, "main", None, None)
    first = complete(here, repo, "First", {"f": text(_1="one\nand more\n", _4="four\n", _6="six\n")})

    def answer(diff: str) -> Report:
        repo.write({"answers/second/1.diff": diff})
        given = claim(here, "coder-1", "coder", None)
        assert given is not None
        assert [parent.task for parent in given.parents] == [first.key]
        return attempt(given, local(here), repo.path, lambda: True, Meter())

    return answer


def test_it_is_merged_in(repo: Repo, answered: Answered) -> None:
    done = answered(ANSWER.format("five"))
    assert done.failure == ""
    assert done.tolerances == ["f, hunk 1: three-way"]
    want = text(_1="one\nand more\n", _4="four\n", _5="five\n", _6="six\n")
    assert repo.show("f", done.commit or "") == want.strip()


def test_what_conflicts_is_refused_with_the_lines_of_the_start(answered: Answered) -> None:
    done = answered(ANSWER.format("five").replace(" 4\n-5", "-4\n-5"))
    assert "f, hunk 1:" in done.failure
    assert "four" in done.failure


def test_what_fits_on_its_start_is_placed_there(repo: Repo, answered: Answered) -> None:
    done = answered("--- a/f\n+++ b/f\n@@ -5,3 +5,3 @@\n four\n-5\n+V\n six\n")
    assert (done.failure, done.tolerances) == ("", [])
    assert repo.show("f", done.commit or "").splitlines()[4:7] == ["four", "V", "six"]
