"""A model that works with tools, over real HTTP in both dialects that have tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.sandbox import bubblewrap
from state.records import Pull
from state.store import Store
from tests.agents.backends.conftest import Code, Setup
from tests.conftest import Refactory, Repo, new_file
from tests.model_server import Fault, ModelServer, Seen

MUL = new_file("mul.py", "def mul(a, b):\n    return a * b\n")
FINISH = Fault(calls=(("finish", {"done": True, "summary": "added mul"}),))


def call(name: str, **arguments: Any) -> Fault:
    return Fault(calls=((name, arguments),))


def results(seen: Seen) -> list[str]:
    """What the tools said so far."""
    if seen.api == "chat":
        return [message["content"] for message in seen.body["messages"] if message["role"] == "tool"]
    return [str(item["output"]) for item in seen.body["input"] if str(item.get("type")).endswith("_output")]


@pytest.fixture(params=["chat", "responses"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("stream", ["true", "false"])
def test_it_looks_edits_tests_and_finishes(
    repo: Repo, store: Store, code: Code, model_server: ModelServer, setup: Setup, api: str, stream: str
) -> None:
    setup(api=api, backend="loop", model=f"  stream: {stream}\n")
    both = Fault(
        text="Let me look.",
        calls=(("list", {"glob": "*.py"}), ("read", {"path": "calc.py", "start": 2})),
    )
    check = call("run", command="python3 -c 'from mul import mul; print(mul(6, 7))'; exit 3")
    search = call("search", text="RETURN a", ignore_case=True)
    model_server.script = [both, search, call("apply_patch", patch=MUL), check, FINISH]
    done = code("## Add mul\nscope: mul.py\n")
    assert done.state == "testing", [pull.failure for pull in store.all(Pull)]
    (pull,) = store.all(Pull)
    assert repo.show("mul.py", pull.commit or "") == "def mul(a, b):\n    return a * b"
    assert pull.usage and pull.usage.requests == 5 and pull.backend == "loop"
    listed, read, found, patched, ran = results(model_server.requests[-1])
    assert listed == "calc.py\ntests/test_calc.py"
    assert read == "    2     return a + b"
    assert found == "calc.py:2:     return a + b"
    assert patched == "changed: mul.py"
    assert ran == "exit code 3\n42\n"
    assert "Let me look." in model_server.requests[1].text


def test_its_conversation_is_as_the_endpoint_wants_it(
    code: Code, model_server: ModelServer, setup: Setup
) -> None:
    for api in ("chat", "responses"):
        setup(api=api, backend="loop")
        model_server.script = [call("list"), call("apply_patch", patch=MUL), FINISH]
        assert code("## Add mul\n").state == "testing"
    chat, responses = model_server.requests[1].body, model_server.requests[4].body
    assert [message["role"] for message in chat["messages"]] == ["system", "user", "assistant", "tool"]
    (asked,) = chat["messages"][2]["tool_calls"]
    assert chat["messages"][3]["tool_call_id"] == asked["id"]
    assert {tool["function"]["name"] for tool in chat["tools"]} == {
        "list", "search", "read", "apply_patch", "run", "finish",
    }  # fmt: skip
    kinds = [item.get("type") for item in responses["input"]]
    assert kinds == [None, "message", "function_call", "function_call_output"]
    assert responses["input"][2]["call_id"] == responses["input"][3]["call_id"]
    assert responses["store"] is False and all(tool["type"] == "function" for tool in responses["tools"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (call("read", path="../secret"), "must be plain"),
        (call("read", path="/etc/passwd"), "an absolute path"),
        (call("read", path=".git"), "not for agents"),
        (call("read", path="link"), "link"),
        (call("read", path="none.py"), "no such file"),
        (call("read", path="calc.py", start=99), "has 2 lines"),
        (call("apply_patch", patch=new_file("../x.py", "x")), "../x.py"),
        (call("apply_patch", patch=new_file("other.py", "x")), "outside the task's scope"),
        (call("apply_patch", patch="no patch"), "no"),
        (call("fly"), "there is no tool 'fly'"),
        (Fault(calls=(("read", "{"),)), "can't be read"),
        (call("read"), "missing required field `path`"),
        (call("run", command="sleep 9"), "over its limit (time)"),
        (call("run", command=f"true {'x' * 3_000_000}"), "longer than"),
        (Fault(calls=(("read", f'{{"more": {"[" * 10_000}{"]" * 10_000}}}'),)), "can't be read"),
        (call("list", **{f"k{number}": number for number in range(100_000)}), "calc.py"),
        (Fault(calls=(("list", {}),) * 1000), "at most 100"),
    ],
)
def test_what_a_tool_refuses_is_told_and_changes_nothing(
    repo: Repo, store: Store, code: Code, model_server: ModelServer, setup: Setup, asked: Fault, said: str
) -> None:
    (repo.path / "link").symlink_to("/etc/passwd")
    repo.git("add", "link")
    repo.git("commit", "-qm", "a link")
    setup("  commandSeconds: 0.5\n", backend="loop")
    model_server.script = [asked, call("apply_patch", patch=MUL), FINISH]
    assert code("## Add mul\nscope: mul.py\n").state == "testing"
    assert said in "".join(results(model_server.requests[1]))
    (pull,) = store.all(Pull)
    assert repo.git("diff", "--name-only", pull.base or "", pull.commit or "") == "mul.py"


@pytest.mark.skipif(bool(bubblewrap.why_not()), reason="no bubblewrap")
def test_the_patch_tool_that_an_endpoint_knows_by_itself(
    repo: Repo, store: Store, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    def native(**operation: str) -> Fault:
        return Fault(calls=(("native", operation),))

    setup(api="responses", backend="loop", model="  nativePatch: true\n")
    context = "@@ def add(a, b):\n-    return a {} b\n+    return b + a\n"
    model_server.script = [
        native(type="create_file", path="mul.py", diff="+def mul(a, b):\n+    return a * b\n"),
        native(type="update_file", path="calc.py", diff=context.format("-")),
        native(type="update_file", path="calc.py", diff=context.format("+")),
        native(type="delete_file", path="tests/test_calc.py"),
        FINISH,
    ]
    assert code("## Add mul\n").state == "testing"
    (pull,) = store.all(Pull)
    assert repo.git("ls-tree", "-r", "--name-only", pull.commit or "").split() == ["calc.py", "mul.py"]
    assert repo.show("calc.py", pull.commit or "") == "def add(a, b):\n    return b + a"
    asked = model_server.requests[-1].body
    assert {"type": "apply_patch"} in asked["tools"]
    answered = [item for item in asked["input"] if item.get("type") == "apply_patch_call_output"]
    assert [item["status"] for item in answered] == ["completed", "failed", "completed", "completed"]
    assert "return a + b" in answered[1]["output"]  # what is really there


def test_its_commands_are_walled_in(
    repo: Repo, tmp_path: Path, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    setup(backend="loop")
    command = (
        f"echo hacked > {tmp_path}/hacked; echo x >> {repo.path}/calc.py; echo x > .git/hooks; echo tried"
    )
    model_server.script = [call("run", command=command), call("apply_patch", patch=MUL), FINISH]
    assert code("## Add mul\nscope: mul.py\n").state == "testing"
    assert "tried" in results(model_server.requests[1])[0]
    assert not (tmp_path / "hacked").exists() and "x" not in (repo.path / "calc.py").read_text()


def test_its_commands_find_what_is_installed_and_no_link_to_that_is_committed(
    repo: Repo, store: Store, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    repo.commit({".gitignore": "node_modules/\n"})
    repo.write({"node_modules/tool": "found\n"})
    setup(backend="loop")
    model_server.script = [
        call("run", command="cat node_modules/tool"),
        call("apply_patch", patch=MUL),
        FINISH,
    ]
    done = code("## Add mul\nscope: mul.py\n")
    assert (done.state, done.feedback) == ("testing", "")
    assert results(model_server.requests[1]) == ["exit code 0\nfound\n"]
    assert "node_modules" not in repo.git("ls-tree", "--name-only", done.commit or "")


def test_a_command_may_not_change_what_is_outside_the_scope(
    store: Store, code: Code, model_server: ModelServer, setup: Setup
) -> None:
    setup("budgets:\n  attempts: 1\n", backend="loop")
    model_server.script = [call("run", command="echo x > other.py"), FINISH]
    task = code("## Add mul\nscope: mul.py\n")
    assert task.state == "failed" and "outside the task's scope" in task.feedback


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("turns: 3", "did not finish in 3 turns"),
        ("tokens: 1200", "could exceed the 1200 tokens of an attempt"),
        ("seconds: 0.7", "ended after 0.7 s"),
    ],
)
def test_its_limits(
    store: Store, code: Code, model_server: ModelServer, setup: Setup, limit: str, said: str
) -> None:
    setup(f"  {limit}\nbudgets:\n  attempts: 1\n", backend="loop")
    slow = call("run", command="sleep 0.2; seq 400")
    model_server.script = lambda _: slow
    task = code("## Add mul\n")
    assert task.state == "failed" and said in task.feedback
    assert len(model_server.requests) <= 5


def test_giving_up_is_a_failure_with_the_reason(code: Code, model_server: ModelServer, setup: Setup) -> None:
    setup("budgets:\n  attempts: 1\n", backend="loop")
    model_server.script = [call("finish", done=False, summary="there is no calc.py")]
    task = code("## Add mul\n")
    assert task.state == "failed" and "gave up: there is no calc.py" in task.feedback


def test_words_instead_of_calls_are_answered_once(
    code: Code, model_server: ModelServer, setup: Setup
) -> None:
    setup(backend="loop")
    model_server.script = [call("apply_patch", patch=MUL), "I have added mul.", "I am done."]
    assert code("## Add mul\n").state == "testing"
    assert "call `finish`" in model_server.requests[2].text


@pytest.mark.parametrize("told", [True, False])
def test_old_results_make_room_for_new_ones(
    code: Code, model_server: ModelServer, setup: Setup, told: bool
) -> None:
    """By the configured room, or when the endpoint says that it is too much."""
    setup(f"  contextTokens: {2500 if told else 60_000}\n", backend="loop")

    def script(seen: Seen) -> Fault:
        if len(seen.text) > 10_000 and not told:
            return Fault(status=400, code="context_length_exceeded")
        turns = len(results(seen))
        if turns == 7:
            return call("apply_patch", patch=MUL)
        return FINISH if turns == 8 else call("run", command=f"seq {turns}000 {turns}300")

    model_server.script = script
    assert code("## Add mul\n").state == "testing"
    last = results(model_server.requests[-1])
    assert last[0].startswith("[left out") and last[-1] == "changed: mul.py" and "6300" in last[-2]
    assert "Task: Add mul" in model_server.requests[-1].text


def test_a_completions_endpoint_is_refused(refactory: Refactory, setup: Setup) -> None:
    setup(api="completions", backend="loop")
    done = refactory.run("run", "--title", "Add mul", "--until", "code")
    assert done.code == 2 and "knows no tools" in done.err
