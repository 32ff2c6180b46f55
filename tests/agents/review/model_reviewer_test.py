from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.git.repository import Repository
from agents.model.meter import Meter
from agents.review.model_reviewer import Remark, Verdict, findings, review_with_model
from agents.review.review_diff import FileDiff
from state.errors import Unavailable
from state.records import Finding, Landed, Outcome, Plan, Review, Task
from state.store import Store
from tests.conftest import Done, Refactory, Repo, new_file
from tests.model_server import Fault, ModelServer

APPROVED = {"findings": [], "verdict": "approved"}
TASKS = "## Add mul\nIt multiplies.\nscope: mul.py\n\n## Add sub\nscope: sub.py\n"


def remark(message: str = "is wrong", **more: Any) -> dict[str, Any]:
    return {
        "file": None,
        "line": None,
        "severity": "error",
        "message": message,
        "taskId": None,
        "suggestedTask": None,
        **more,
    }


def rejected(*remarks: dict[str, Any]) -> dict[str, Any]:
    return {"findings": list(remarks), "verdict": "rejected"}


@pytest.fixture
def reviewed(
    repo: Repo, refactory: Refactory, model_server: ModelServer, scripted: Any
) -> Callable[[str], Done]:
    """`reviewed(until)` runs two scripted tasks, reviewed by the scripted model."""
    settings = f"model:\n  baseUrl: {model_server.url}\n  backoff: 0.01\n  retries: 1\n"
    repo.write({".refactory/config.yaml": f"version: 1\n{settings}reviewer:\n  backend: model\n"})
    mul = new_file("mul.py", "def mul(a, b):\n    return a * b\n")
    scripted(
        add_mul=[mul, mul.replace("a * b", "b * a")],
        add_sub=new_file("sub.py", "def sub(a, b):\n    return a - b\n"),
    )
    return lambda until: refactory.run(
        "run", "--title", "T", "--from", "-", *(["--until", until] if until else []), input=TASKS
    )


def test_an_approved_combination_lands(
    reviewed: Callable[[str], Done], store: Store, model_server: ModelServer
) -> None:
    model_server.script = [APPROVED]
    assert reviewed("").code == 0
    (review,) = store.all(Review)
    assert (review.verdict, review.reviewers) == ("approved", ["rules", "gpt-6.2-sol"])
    assert review.usage is not None
    assert review.usage.requests == 1
    assert review.usage.output_tokens > 0
    told = model_server.requests[0].text
    for part in (
        "1. Add mul\nIt multiplies.",
        "2. Add sub",
        "diff --git a/mul.py b/mul.py",
        "+def sub(a, b):",
    ):
        assert part in told


def test_a_rejection_sends_the_named_task_back(
    reviewed: Callable[[str], Done], repo: Repo, store: Store, model_server: ModelServer
) -> None:
    mended = remark("turn it round", file="mul.py", line=2)
    model_server.script = [rejected(mended), APPROVED]
    assert reviewed("").code == 0
    first, second = store.all(Review)
    assert (first.verdict, second.verdict) == ("rejected", "approved")
    mul, sub = store.all(Task)
    assert (mul.attempts, sub.attempts) == (2, 1)
    assert repo.show("mul.py", "main").endswith("b * a")


@pytest.mark.slow
def test_what_is_rejected_until_the_budget_is_used_up_fails_and_says_why(
    reviewed: Callable[[str], Done], repo: Repo, store: Store, model_server: ModelServer
) -> None:
    """The rest lands all the same."""
    config = repo.path / ".refactory" / "config.yaml"
    config.write_text(config.read_text() + "budgets:\n  attempts: 2\n")
    wrong = remark("still wrong", file="mul.py", suggestedTask="Turn mul round")
    model_server.script = [rejected(wrong), rejected(wrong), APPROVED]
    assert reviewed("").code == 7
    mul, sub = store.all(Task)
    assert (mul.state, mul.attempts, sub.state) == ("failed", 2, "merged")
    assert "still wrong" in mul.feedback
    assert store.all(Review)[0].findings[0].suggested_task == "Turn mul round"


@pytest.mark.slow
def test_a_rejection_that_blamed_nobody_is_asked_for_again(
    reviewed: Callable[[str], Done], refactory: Refactory, store: Store, model_server: ModelServer
) -> None:
    """Nothing would ever change by itself, so the next run must not stop at the old review."""
    model_server.script = [rejected(), APPROVED]
    assert reviewed("review").code == 1
    refactory.ok("review", "1")
    refactory.ok("review", "1")
    assert [review.verdict for review in store.all(Review)] == ["rejected", "approved"]


@pytest.fixture
def asked(repo: Repo, store: Store, model_server: ModelServer) -> Callable[[str], list[Finding]]:
    """`asked(settings)` has the model review a combination of one task."""

    def ask(settings: str = "") -> list[Finding]:
        text = f"model:\n  baseUrl: {model_server.url}\n  backoff: 0.01\n  retries: 1\n{settings}"
        repo.write({".refactory/config.yaml": f"version: 1\n{text}"})
        onto = repo.git("rev-parse", "HEAD")
        commit = repo.commit({"mul.py": "def mul(a, b):\n" + "    a += b\n" * 40})
        with store.transaction("test") as changes:
            plan = changes.new(Plan, request="1-aaaaaaaa")
            task = changes.new(Task, plan=plan.key, title="Add mul")
        landed = [Landed(task=task.key, commit=commit)]
        outcome = Outcome(state="complete", branch="b", onto=onto, commit=commit, landed=landed)
        return review_with_model(store, plan, outcome, Repository(store.location.git_dir), Meter())

    return ask


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Fault(text="Looks good to me!"), "no review that can be read"),
        (Fault(text='{"verdict": "approved"}'), "no review that can be read"),
        (Fault(text='{"findings": [], "verdict": "approved, mostly"}'), "no review that can be read"),
        (Fault(refusal="I won't"), "no review that can be read"),
        (Fault(text='{"findings": [], "verdict": "rejected"}'), "without saying why"),
    ],
)
def test_what_is_no_clear_approval_is_a_rejection(
    asked: Callable[[], list[Finding]], model_server: ModelServer, answer: Fault, said: str
) -> None:
    model_server.script = lambda _: answer
    (finding,) = asked()
    assert finding.severity == "error" and said in finding.message


def test_an_answer_of_the_wrong_shape_is_asked_for_again(
    asked: Callable[[], list[Finding]], model_server: ModelServer
) -> None:
    model_server.script = [{"verdict": "approved"}, APPROVED]
    assert asked() == []
    assert "missing required field `findings`" in model_server.requests[1].body["messages"][-1]["content"]


def test_a_server_that_fails_is_no_verdict(
    asked: Callable[[], list[Finding]], model_server: ModelServer
) -> None:
    model_server.script = lambda _: Fault(status=500)
    with pytest.raises(Unavailable):
        asked()


def test_another_model_than_the_coder_s_may_review(
    asked: Callable[[str], list[Finding]], model_server: ModelServer
) -> None:
    model_server.script = [APPROVED]
    other = f"reviewer:\n  model:\n    model: second-opinion\n    baseUrl: {model_server.url}\n"
    assert asked(other) == []
    assert model_server.requests[0].body["model"] == "second-opinion"


def test_a_diff_with_no_room_is_cut_and_said_so(
    asked: Callable[[str], list[Finding]], model_server: ModelServer
) -> None:
    model_server.script = [APPROVED]
    (finding,) = asked("coder:\n  contextTokens: 80\n")
    assert "more lines of mul.py are not shown]" in model_server.requests[0].text
    assert (finding.severity, finding.file) == ("note", "mul.py") and "only a part" in finding.message


MUL = Task(key="1-aaaaaaaa", plan="1-aaaaaaaa", title="Add mul")
SUB = Task(key="12-bbbbbbbb", plan="1-aaaaaaaa", title="Add sub")
DIFF = [
    FileDiff("mul.py", "", (MUL.key,)),
    FileDiff("both.py", "", (MUL.key, SUB.key)),
]


def judged(verdict: Any, **given: Any) -> Finding:
    one = Remark(
        **{
            "file": None,
            "line": None,
            "severity": "error",
            "message": "m",
            "task_id": None,
            "suggested_task": None,
            **given,
        }
    )
    return findings(Verdict(findings=[one], verdict=verdict), [MUL, SUB], DIFF)[0]


@pytest.mark.parametrize("severity", ["note", "warning", "error"])
def test_a_rejection_rejects_however_mild(severity: str) -> None:
    assert judged("rejected", severity=severity).severity == "error"
    assert judged("approved", severity=severity).severity == severity


def test_only_the_worst_findings_of_a_rejection_block() -> None:
    mild = Remark(file=None, line=None, severity="note", message="n", task_id="1", suggested_task=None)
    bad = Remark(file=None, line=None, severity="warning", message="w", task_id="12", suggested_task=None)
    found = findings(Verdict(findings=[mild, bad], verdict="rejected"), [MUL, SUB], DIFF)
    assert [(one.task, one.severity) for one in found] == [(MUL.key, "note"), (SUB.key, "error")]


@pytest.mark.parametrize("name", ["12", "#12", "Task 12", "12-bbbbbbbb"])
def test_a_task_is_named_in_several_ways(name: str) -> None:
    assert judged("approved", task_id=name).task == SUB.key


def test_a_finding_without_a_task_goes_to_the_only_one_that_changed_the_file() -> None:
    assert judged("approved", file="mul.py").task == MUL.key
    assert judged("approved", file="mul.py", task_id="99").task == MUL.key
    assert judged("approved", file="both.py").task is None
    assert judged("approved", file="both.py").severity == "error"


def test_what_concerns_neither_a_task_nor_the_diff_is_a_note() -> None:
    assert judged("approved", file="other.py").severity == "note"
    assert judged("approved", file="other.py", task_id="1").severity == "error"
    assert judged("rejected", file="other.py").severity == "error"


def test_odd_lines_are_dropped() -> None:
    assert judged("approved", file="mul.py", line=0).line is None
    assert judged("approved", file="mul.py", line=3).line == 3
    assert judged("approved", line=3).line is None, "of no file: a coder was sent back to None:3"
