"""The demo is run for real, and what it claims is looked up in the repositories it leaves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands._demo.evidence import failing_line
from commands._demo.site import DATA, request
from tests.conftest import Done, Refactory, Repo
from tests.model_server import Fault, ModelServer, Seen

CULPRIT = 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Done, Path]]:
    """One run, started outside of any repository and with a home of its own."""
    outside, home = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GIT_", "REF_", "OPENAI_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("REF_API_URL", "http://127.0.0.1:9")  # a server of the user's must not be asked
        patch.setenv("HOME", str(home))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        yield Refactory(outside).run("demo", "--dir", "d", "--progress", "plain"), outside / "d"
    assert list(home.iterdir()) == []


def suite(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["python3", "-m", "unittest", "discover", "-s", "tests"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def clone(folder: Path, into: Path) -> Repo:
    repo = Repo(into)
    subprocess.run(["git", "clone", "-q", str(folder / "origin.git"), str(into)], check=True)
    repo.git("config", "user.name", "Tester")
    repo.git("config", "user.email", "tester@example.com")
    return repo


def test_all_is_true_and_it_says_that_answers_are_scripted(demo: tuple[Done, Path]) -> None:
    done, folder = demo
    assert done.code == 0, done.out
    assert "SCRIPTED" in done.out.splitlines()[0]
    assert done.out.count("✓") == 11
    assert "✗" not in done.out
    assert str(folder) in done.out


def test_progress_is_plain_lines_on_stderr(demo: tuple[Done, Path]) -> None:
    lines = demo[0].err.splitlines()
    stages = [line.removeprefix("stage: ") for line in lines if line.startswith("stage: ")]
    assert stages == ["plan", "code", "reconcile", "code", "reconcile", "review", "launch"]


def test_origins_main_has_everything_and_passes(demo: tuple[Done, Path], tmp_path: Path) -> None:
    done, folder = demo
    repo = clone(folder, tmp_path / "clone")
    names = "README.md invoices/__init__.py invoices/discount.py invoices/lines.py invoices/money.py "
    names += (
        "invoices/text.py tests/test_discount.py tests/test_lines.py tests/test_money.py tests/test_text.py"
    )
    assert repo.git("ls-files").split() == names.split()
    finished = suite(repo.path)
    assert (finished.returncode, "Ran 8 tests" in finished.stderr) == (0, True)
    for line in repo.git("log", "--format=%h %s").splitlines():
        assert line in done.out
    stat = repo.git("diff", "--shortstat", repo.git("rev-list", "--max-parents=0", "HEAD"), "HEAD")
    assert stat.strip() in done.out


def test_the_red_combination_is_in_the_records(demo: tuple[Done, Path]) -> None:
    done, folder = demo
    task = Refactory(folder / "invoices").data("task:inspect", str(CULPRIT))
    first, second = task["attempted"]
    assert (first["tests"]["verdict"], first["sentBack"]["why"]) == ("passed", "red")
    assert failing_line(first["sentBack"]["reason"]) in done.out
    assert (second["tests"]["verdict"], second["sentBack"], second["attempt"]) == ("passed", None, 2)
    assert second["base"] == first["sentBack"]["onto"]
    said = Refactory(folder / "invoices").ok("task:inspect", str(CULPRIT)).out
    assert "sent back (red)" in said
    assert "TypeError: format_amount() missing" in said


def test_green_alone_red_together(demo: tuple[Done, Path], tmp_path: Path) -> None:
    """The demo's first attempt at the culprit, and what it was combined with, tested by hand."""
    first = Refactory(demo[1] / "invoices").data("task:inspect", str(CULPRIT))["attempted"][0]
    repo = clone(demo[1], tmp_path / "clone")
    repo.git("fetch", "-q", str(demo[1] / "invoices"), "refs/refactory/backup/*:refs/backup/*")
    repo.git("checkout", "-q", "--detach", first["commit"])
    assert suite(repo.path).returncode == 0
    repo.git("checkout", "-q", "--detach", first["sentBack"]["onto"])
    assert suite(repo.path).returncode == 0
    repo.git("merge", "-q", "--no-edit", first["commit"])
    assert "TypeError: format_amount() missing" in suite(repo.path).stderr


def test_findings_and_figures_are_the_records(demo: tuple[Done, Path]) -> None:
    done, folder = demo
    status = Refactory(folder / "invoices").data("plan:status", "1")
    assert {finding["severity"] for finding in status["review"]["findings"]} == {"warning", "note"}
    for finding in status["review"]["findings"]:
        assert f"{finding['message']} ({finding['rule']})" in done.out
    assert sum(bool(task["dependsOn"]) for task in status["tasks"]) == 2
    assert re.search(r"^  3 +merged +coder-1 +2 +2 +- +Print an invoice$", done.out, re.MULTILINE)


def test_what_it_proposes_next_works(demo: tuple[Done, Path]) -> None:
    done, folder = demo
    commands = done.out.rpartition("Where to look: ")[2].splitlines()[1:]
    finished = subprocess.run(
        " && ".join(commands), shell=True, capture_output=True, text=True, cwd="/", check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert (folder / "invoices" / "invoices" / "text.py").exists(), "`git pull` brought what landed"


@pytest.fixture
def outside(tmp_path: Path) -> Refactory:
    """The program where there is no repository."""
    return Refactory(tmp_path)


def failed(done: Done) -> set[str]:
    return {check["name"] for check in done.data["checks"] if not check["passed"]}


@pytest.mark.slow
def test_a_wrong_answer_fails_the_checks_that_it_makes_false(outside: Refactory) -> None:
    """Without its second answer the culprit gives the first again."""
    shutil.copytree(DATA / "answers", outside.folder / "answers")
    (outside.folder / "answers" / "print-an-invoice" / "2.diff").unlink()
    done = outside.run("demo", "--answers", "answers", "--dir", "d", "--json")
    assert (done.code, done.json["status"]) == (1, "error")
    assert failed(done) == {
        "its culprit was sent back and mended it",
        "the launch brought the complete combination to origin's main",
        "every task is in origin's main",
    }


def test_why_nothing_was_done_is_said(outside: Refactory) -> None:
    (outside.folder / "none").mkdir()
    done = outside.run("demo", "--answers", "none", "--dir", "d")
    assert done.code == 1
    assert "task 1 failed: no scripted answer in " in done.out
    assert "FAILED: two testers ran, every attempt was tested" in done.out


def test_a_folder_that_is_not_empty_is_left_alone(outside: Refactory) -> None:
    (outside.folder / "mine").write_text("precious")
    done = outside.run("demo", "--dir", ".")
    assert (done.code, "not empty" in done.err) == (2, True)
    assert [path.name for path in outside.folder.iterdir()] == ["mine"]


def test_a_model_needs_a_key(outside: Refactory) -> None:
    done = outside.run("demo", "--model", "--dir", "d")
    assert done.code == 2
    assert "OPENAI_API_KEY" in done.err
    assert "OPENAI_BASE_URL" in done.err
    assert list(outside.folder.iterdir()) == []


@pytest.mark.slow
def test_with_a_model(outside: Refactory) -> None:
    """A server answers what the scripted coder would: by the task's title, by whether it was sent back."""
    with ModelServer(answer) as server:
        outside.env |= server.env
        done = outside.run("demo", "--model", "some-model", "--dir", "d", "--json")
    assert done.code == 0, done.out
    assert (done.data["coders"], len(server.requests)) == ("some-model", 5)
    assert {pull["backend"] for pull in done.data["pulls"]} == {"model"}
    assert not (outside.folder / "d" / "answers").exists()


@pytest.mark.slow
def test_a_model_may_do_without_a_red_combination(outside: Refactory) -> None:
    with ModelServer(lambda seen: answer(seen, careful=True)) as server:
        outside.env |= server.env
        done = outside.run("demo", "--model", "--dir", "d")
    assert done.code == 0, done.out
    assert "there was none; a real model may do without" in done.out
    assert "SCRIPTED" not in done.out


def answer(seen: Seen, careful: bool = False) -> str | dict[str, Any] | Fault:
    said = str(seen.body)
    slugs = {path.name: path for path in (DATA / "answers").iterdir()}
    titles = re.findall(r"^## (.*)$", request()[1], re.MULTILINE)
    title = next(title for title in titles if f"Task: {title}" in said)
    folder = slugs[title.lower().replace(" ", "-")]
    if careful and folder.name == "print-an-invoice":
        return f"```diff\n{CAREFUL}```\n"
    again = (folder / "2.diff").exists() and "sent back" in said
    return f"```diff\n{(folder / ('2.diff' if again else '1.diff')).read_text()}```\n"


CAREFUL = """\
--- /dev/null
+++ b/invoices/text.py
@@ -0,0 +1,2 @@
+def print_invoice(lines, percent=0):
+    return ", ".join(what for what, _, _ in lines)
"""
