"""Planted conflicts: what the model, or the coder again, makes of them lands if it is right, and not if it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from agents.launcher import landing, launch
from agents.reconciler import reconcile
from agents.reviewer import review
from state.records import Landed, Orchestration, Outcome, Plan, Task
from state.store import Store
from tests.agents.finished import complete, planned, task_titled
from tests.conftest import Repo
from tests.model_server import ModelServer

Files = Mapping[str, str | None]
Combined = Callable[..., Outcome]

CODE = "def f():\n    x = 1\n    return x\n"
ONE, TWO, BOTH = (CODE.replace("x = 1", text) for text in ("x = 2", "x = 1 + n", "x = 2 + n"))
LONG = "".join(f"line_{number} = {number}\n" for number in range(12))

# base, the first task, the second task, the file that clashes
KINDS: dict[str, tuple[Files, Files, Files, str]] = {
    "edit/edit": ({"f.py": CODE}, {"f.py": ONE}, {"f.py": TWO}, "f.py"),
    "edit/delete": ({"f.py": CODE}, {"f.py": ONE}, {"f.py": None}, "f.py"),
    "delete/edit": ({"f.py": CODE}, {"f.py": None}, {"f.py": ONE}, "f.py"),
    "rename/edit": (
        {"f.py": LONG},
        {"f.py": None, "g.py": LONG.replace("= 5", "= 55")},
        {"f.py": LONG.replace("= 5", "= 50")},
        "g.py",
    ),
    "both add": ({}, {"n.py": "one = 1\n"}, {"n.py": "two = 2\n"}, "n.py"),
    "binary": ({"b.bin": "\0base"}, {"b.bin": "\0one"}, {"b.bin": "\0two"}, "b.bin"),
}


def block(text: str, number: int = 1) -> str:
    return f"### Region {number}\n```\n{text}```\n"


@pytest.fixture
def clashing(repo: Repo, store: Store, model_server: ModelServer) -> Combined:
    """Two tasks that clash, reconciled; `test` must hold on the combination."""

    def combined(kind: str, test: str, resolvers: str = "model, rework") -> Outcome:
        config = (
            f"reconcile:\n  resolvers: [{resolvers}]\nmodel:\n  baseUrl: {model_server.url}\n  retries: 0\n"
        )
        (repo.path / ".refactory" / "config.yaml").write_text(f"{config}test:\n  command: {test}\n")
        base, first, second, _ = KINDS[kind]
        repo.commit({"README": "x\n", **{name: text for name, text in base.items() if text}})
        plan = planned(store, "One", "Two")
        complete(store, repo, "One", first)
        complete(store, repo, "Two", second)
        return outcome(store, plan.key)

    return combined


def outcome(store: Store, plan: str) -> Outcome:
    found = reconcile(store, plan).outcome
    assert found is not None
    return found


def second(done: Outcome) -> Landed:
    return done.landed[1]


RIGHT = {
    "edit/edit": ("    x = 2 + n\n", "grep -q '2 + n' f.py", BOTH),
    "edit/delete": ("", "test ! -e f.py", None),
    "delete/edit": (ONE, "grep -q 'x = 2' f.py", ONE),
    "rename/edit": ("line_5 = 5550\n", "test -e g.py -a ! -e f.py", LONG.replace("= 5", "= 5550")),
    "both add": ("one = 1\ntwo = 2\n", "grep -q two n.py", "one = 1\ntwo = 2\n"),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_a_models_right_answer_lands(
    clashing: Combined, repo: Repo, store: Store, model_server: ModelServer, kind: str
) -> None:
    answer, test, result = RIGHT[kind]
    model_server.script = [block(answer)]
    done = clashing(kind, test)
    path = KINDS[kind][3]
    assert (done.state, len(done.landed)) == ("complete", 2)
    assert [(one.file, one.by) for one in second(done).resolved] == [(path, ["model"])]
    found = repo.git("show", f"{done.branch}:{path}", check=False)
    assert found == (result or "").rstrip("\n")
    assert f"Refactory-Merged-By: model ({path})" in repo.git("log", "-1", "--format=%b", done.branch)
    told = model_server.requests[0].text
    for part in (f"File: {path}", "The first task, 1: One", "The second task, 2: Two", "## Region 1"):
        assert part in told
    (orchestration,) = store.all(Orchestration)
    assert orchestration.reconciler_usage is not None
    assert orchestration.reconciler_usage.requests == 1


@pytest.mark.parametrize(
    "answer",
    [
        "I merged it for you.",
        block("    x = 3\n") + block("    y = 1\n", 2),
        block("<<<<<<< ours\n    x = 2\n=======\n    x = 1 + n\n>>>>>>> theirs\n"),
        "```\n    x = 2 + n\n```\n",
    ],
    ids=["prose", "more than was asked", "conflict markers", "no heading"],
)
def test_an_answer_that_cannot_be_used_goes_back_once_then_to_the_coder(
    clashing: Combined, store: Store, model_server: ModelServer, answer: str
) -> None:
    model_server.script = [answer, answer]
    done = clashing("edit/edit", "'true'")
    assert [(e.reason, e.files) for e in done.ejected] == [("conflict", ["f.py"])]
    assert done.ejected[0].against == [task_titled(store, "One").branch]
    assert len(model_server.requests) == 2
    two = task_titled(store, "Two")
    assert (two.state, two.base) == ("assigned", done.commit)


def test_an_answer_that_was_corrected_lands(clashing: Combined, model_server: ModelServer) -> None:
    model_server.script = ["I merged it for you.", block("    x = 2 + n\n")]
    assert clashing("edit/edit", "'true'").state == "complete"


def test_a_wrong_answer_that_the_tests_see_does_not_land(
    clashing: Combined, store: Store, model_server: ModelServer
) -> None:
    model_server.script = [block("    x = 2\n    n = 0\n")]
    done = clashing("edit/edit", "'! grep -q n.=.0 f.py'")
    assert [(e.reason, e.task) for e in done.ejected] == [("red", task_titled(store, "Two").key)]
    assert len(done.landed) == 1


def test_a_model_that_drops_a_tasks_change_has_not_merged_it(
    clashing: Combined, store: Store, model_server: ModelServer
) -> None:
    """The tree is then as it was without the task; it must not count as done."""
    model_server.script = [block("    x = 2\n")]
    done = clashing("edit/edit", "'true'")
    assert [(e.reason, e.files) for e in done.ejected] == [("conflict", ["f.py"])]
    assert task_titled(store, "Two").state == "assigned"


def test_a_lost_line_is_a_finding_of_the_review(
    clashing: Combined, store: Store, model_server: ModelServer
) -> None:
    model_server.script = [block("    x = 2\n    y = 1\n")]
    done = clashing("edit/edit", "'true'")
    assert done.state == "complete"
    (plan,) = store.all(Plan)
    found = [finding for finding in review(store, plan.key).findings if finding.rule == "lost-line"]
    assert [(one.severity, one.file, one.task) for one in found] == [
        ("warning", "f.py", task_titled(store, "Two").key)
    ]


def test_the_model_is_not_asked_again_for_what_it_has_solved(
    clashing: Combined, repo: Repo, store: Store, model_server: ModelServer
) -> None:
    """Not even when the target has moved, so that all is merged anew: `rerere` knows it, if it was green."""
    model_server.script = [block("    x = 2 + n\n")]
    assert clashing("edit/edit", "'true'", "rerere, model").state == "complete"
    repo.commit({"theirs.txt": "x\n"})
    (plan,) = store.all(Plan)
    again = outcome(store, plan.key)
    assert second(again).resolved[0].by == ["rerere"]
    assert len(model_server.requests) == 1


def test_without_rework_the_task_is_left_as_it_is(clashing: Combined, store: Store) -> None:
    done = clashing("edit/edit", "'true'", "zero-context")
    assert (done.state, [e.reason for e in done.ejected]) == ("partial", ["conflict"])
    assert task_titled(store, "Two").state == "completed"


REWORKED: dict[str, Files] = {
    "edit/edit": {"f.py": BOTH},
    "edit/delete": {"f.py": None},
    "delete/edit": {"f.py": ONE},
    "rename/edit": {"g.py": LONG.replace("= 5", "= 5550")},
    "both add": {"n.py": "one = 1\ntwo = 2\n"},
    "binary": {"b.bin": "\0both"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_coder_again_lands_on_top_of_the_merged_head(
    clashing: Combined, repo: Repo, store: Store, kind: str
) -> None:
    done = clashing(kind, "'true'", "rework")
    assert [(e.reason, e.files) for e in done.ejected] == [("conflict", [KINDS[kind][3]])]
    complete(store, repo, "Two", REWORKED[kind])
    (plan,) = store.all(Plan)
    again = outcome(store, plan.key)
    assert (again.state, second(again).reworked) == ("complete", True)
    for path, text in REWORKED[kind].items():
        assert repo.git("show", f"{again.branch}:{path}", check=False) == (text or "").rstrip("\n")
    assert "Refactory-Merged-By: rework" in repo.git("log", "-1", "--format=%b", again.branch)


def test_a_wrong_rework_is_caught_and_the_rest_lands(clashing: Combined, repo: Repo, store: Store) -> None:
    """It throws away what the other task did, which the tests see."""
    clashing("edit/edit", "'grep -q x.=.2 f.py || ! test -e other'", "rework")
    complete(store, repo, "Two", {"f.py": TWO, "other": "x\n"})
    (plan,) = store.all(Plan)
    again = outcome(store, plan.key)
    assert [(e.reason, e.task) for e in again.ejected] == [("red", task_titled(store, "Two").key)]
    assert [landed.task for landed in again.landed] == [task_titled(store, "One").key]
    review(store, plan.key)
    found = store.get(Plan, plan.key)
    launch(store, found, *landing(store, found, "merge", None, False), None)
    assert {task.state for task in store.all(Task)} == {"merged", "assigned"}
    assert repo.show("f.py", "main") == ONE.rstrip("\n")


def test_what_a_coder_made_of_a_conflict_is_known_from_then_on(
    clashing: Combined, repo: Repo, store: Store, tmp_path: Path
) -> None:
    clashing("edit/edit", "'true'", "rerere, rework")
    complete(store, repo, "Two", {"f.py": BOTH})
    (plan,) = store.all(Plan)
    assert outcome(store, plan.key).state == "complete"
    assert len(list((store.location.private / "rerere" / plan.key).iterdir())) == 1
