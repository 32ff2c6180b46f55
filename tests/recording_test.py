"""--record and --replay over the whole pipeline: planner, coders that work with tools, a red test, reviewer."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from agents.model.errors import ModelNotRecorded
from agents.model.question import Question
from agents.model.tape import Tape
from state.errors import UsageError
from state.records import Review, Task
from state.store import Store
from tests.conftest import Refactory, Repo, new_file
from tests.model_server import Fault, ModelServer, Seen

CONFIG = """version: 1
planner: {backend: model}
coder: {backend: loop}
reviewer: {backend: model}
"""
TEST = """import unittest
from mul import mul


class T(unittest.TestCase):
    def test_mul(self):
        self.assertEqual(mul(6, 7), 42)
"""
KEY = "sk-a-key-that-must-not-be-recorded"


def task(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "title": f"Add {name}", "detail": "", "dependsOn": [], "acceptance": [], **more}


PLAN = {
    "design": "One module each.",
    "tasks": [task("mul", scope=["mul.py", "tests/test_mul.py"]), task("sub", scope=["sub.py"])],
}


def script(seen: Seen) -> Any:
    """The first mul is wrong, so that a report of red tests is among what is recorded."""
    if "You plan work" in seen.text:
        return PLAN
    if "You review" in seen.text:
        return {"findings": [], "verdict": "approved"}
    if seen.body["messages"][-1]["role"] == "tool":
        return Fault(calls=(("finish", {"done": True}),))
    if "Task: Add sub" in seen.text:
        return patch(new_file("sub.py", "def sub(a, b):\n    return a - b\n"))
    sign = "*" if "sent back" in seen.text else "+"
    test = new_file("tests/test_mul.py", TEST)
    return patch(new_file("mul.py", f"def mul(a, b):\n    return a {sign} b\n") + test)


def patch(text: str) -> Fault:
    return Fault(calls=(("run", {"command": f"date; pwd; echo '{KEY}'"}), ("apply_patch", {"patch": text})))


@pytest.fixture
def copies(tmp_path: Path, repo: Repo) -> list[Repo]:
    """Two clones of one history."""
    repo.write({".refactory/config.yaml": CONFIG})
    shutil.copytree(repo.path, tmp_path / "again")
    return [repo, Repo(tmp_path / "again")]


def run(repo: Repo, *more: str, env: dict[str, str], title: str = "Calculate more") -> Any:
    program = Refactory(repo.path, env)
    program.ok("init")
    return program.run("run", "--title", title, *more)


@pytest.mark.slow
def test_a_recorded_run_is_played_to_the_same_tree_without_a_model(
    copies: list[Repo], tmp_path: Path
) -> None:
    first, second = copies
    folder = tmp_path / "recordings"
    with ModelServer(script) as server:
        done = run(first, "--record", str(folder), env={**server.env, "OPENAI_API_KEY": KEY})
        asked = len(server.requests)
    assert done.code == 0, done.err
    assert asked == 1 + 3 * 2 + 1 == len(list(folder.iterdir()))
    assert KEY not in "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    done = run(second, "--replay", str(folder), env={})
    assert done.code == 0, [task.feedback for task in Store.open(second.path).all(Task)]
    files = [repo.git("ls-tree", "-r", "HEAD", "--name-only") for repo in copies]
    assert files[0] == files[1] and "sub.py" in files[0]
    assert second.show("mul.py").startswith("def mul(a, b):\n    return a * b")
    assert first.git("rev-parse", "HEAD:sub.py", "HEAD:tests") == second.git(
        "rev-parse", "HEAD:sub.py", "HEAD:tests"
    )
    one, two = (Store.open(repo.path) for repo in copies)
    assert [task.attempts for task in two.all(Task)] == [task.attempts for task in one.all(Task)] == [2, 1]
    assert [review.usage for review in two.all(Review)] == [review.usage for review in one.all(Review)]


def test_a_changed_prompt_misses_and_says_what_changed(
    tmp_path: Path, repo: Repo, refactory: Refactory
) -> None:
    folder = tmp_path / "recordings"
    with ModelServer([f"```diff\n{new_file('mul.py', 'x')}```"]) as server:
        program = Refactory(repo.path, server.env)
        for title in ("Add mul", "Add div"):
            program.ok("request:create", "--title", title)
        program.ok("plan:create", "1")
        program.ok("orchestrate", "1", "--target-branch", "main", "--agents", "1")
        program.ok("agent:coder", "--once", "--plan-id", "1", "--record", str(folder))
    (recorded,) = folder.iterdir()
    assert recorded.name.startswith("task-add-mul-")
    assert json.loads(recorded.read_text())["told"].count("Task: Add mul") == 1
    refactory.ok("plan:create", "2")
    refactory.ok("orchestrate", "2", "--target-branch", "main", "--agents", "1")
    done = refactory.run("agent:coder", "--once", "--plan-id", "2", "--replay", str(folder))
    assert done.code == 8
    assert f"differs from {recorded.name} in:\n-Task: Add mul\n+Task: Add div\n" in done.err
    assert "--record" in done.err
    missed = Store.open(repo.path).all(Task)[1]
    assert (missed.state, missed.attempts) == ("assigned", 0), "it is not the task's fault"


def test_what_can_not_be_played(refactory: Refactory, tmp_path: Path) -> None:
    refactory.ok("request:create", "--title", "T")
    (tmp_path / "empty").mkdir()
    plan = ("plan:create", "1", "--planner", "model")
    assert "no such folder" in refactory.run(*plan, "--replay", str(tmp_path / "none")).err
    done = refactory.run(*plan, "--replay", str(tmp_path / "empty"))
    assert done.code == 8 and "nothing is recorded" in done.err
    both = refactory.run(*plan, "--replay", str(tmp_path / "empty"), "--record", str(tmp_path / "x"))
    assert both.code == 2 and "exclude each other" in both.err
    remote = refactory.run("--api-url", "http://127.0.0.1:9", *plan, "--record", str(tmp_path / "x"))
    assert remote.code == 2 and "asked by the server" in remote.err


def test_files_with_odd_names_are_no_recordings(tmp_path: Path) -> None:
    names = (
        "a.json",
        "-1.json",
        "x-abcdef123456-x.json",
        "x-abcdef123456-\u00b2.json",
        os.fsdecode(b"\xff.json"),
    )
    for name in names:
        (tmp_path / name).write_text("{}")
    os.mkfifo(tmp_path / "fifo.json")
    tape, question = Tape(tmp_path, playing=True, key=""), Question(instructions="", turns=(), model="m")
    with pytest.raises(ModelNotRecorded, match="nothing is recorded"):
        tape.play(question)
    for make in (Path.mkdir, os.mkfifo, lambda path: path.write_text("[" * 100_000)):
        odd = tmp_path / os.fsdecode(b"\xff\n-abcdef123456-1.json")
        make(odd)
        with pytest.raises(UsageError, match="is no recording"):
            tape.play(question)
        odd.rmdir() if odd.is_dir() else odd.unlink()


def test_the_configuration_can_name_the_folder(
    refactory: Refactory, repo: Repo, model_server: ModelServer
) -> None:
    model_server.script = [json.dumps({"design": "", "tasks": [task("mul", scope=["mul.py"])]})]
    url = f"model: {{baseUrl: '{model_server.url}', "
    repo.write({".refactory/config.yaml": f"version: 1\n{url}record: rec}}\n"})
    refactory.ok("request:create", "--title", "T")
    refactory.ok("plan:create", "1", "--planner", "model")
    repo.write({".refactory/config.yaml": "version: 1\nmodel: {replay: rec}\n"})
    refactory.ok("plan:create", "1", "--planner", "model")
    assert [task.title for task in Store.open(repo.path).all(Task)] == ["Add mul"] * 2
    assert len(model_server.requests) == 1


def test_to_record_anew_asks_the_model_with_its_key_whatever_the_configuration_replays(
    refactory: Refactory, repo: Repo, model_server: ModelServer, tmp_path: Path
) -> None:
    model_server.script = [json.dumps({"design": "", "tasks": [task("mul", scope=["mul.py"])]})]
    replayed = f"model: {{baseUrl: '{model_server.url}', replay: rec}}\n"
    repo.write({".refactory/config.yaml": f"version: 1\n{replayed}"})
    refactory.ok("request:create", "--title", "T")
    refactory.env["OPENAI_API_KEY"] = KEY
    refactory.ok("plan:create", "1", "--planner", "model", "--record", str(tmp_path / "new"))
    assert model_server.requests[0].headers["authorization"] == f"Bearer {KEY}"
