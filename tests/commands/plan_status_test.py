"""`plan:status --watch`: a tree on a terminal, lines elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from commands._status import Status
from commands._tree import tree
from tests.conftest import PROGRAM, Refactory, new_file

LIST = "## Make one\nscope: one.py\n"


@pytest.fixture
def done(refactory: Refactory, scripted: Any) -> Refactory:
    scripted(make_one=new_file("one.py", "one = 1\n"))
    refactory.ok("run", "--title", "Files", "--from", "-", input=LIST)
    return refactory


def on_terminal(refactory: Refactory, *args: str) -> str:
    """What a terminal gets that is the command's stderr."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, str(PROGRAM), *args],
        cwd=refactory.folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    heard = b""
    try:
        while chunk := os.read(ours, 4096):
            heard += chunk
    except OSError:
        pass  # how Linux says that the other end is closed
    os.close(ours)
    assert child.wait() == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", heard.decode())


def test_a_tree_on_a_terminal(done: Refactory) -> None:
    shown = on_terminal(done, "plan:status", "1", "--watch")
    assert "Files" in shown
    assert "plan  1 task, done" in shown
    assert "code  1 of 1 done" in shown
    assert re.search(r"1 merged +\(coder-1\) Make one", shown)
    assert "reconcile  1 landed, 1 test run" in shown
    assert "review  approved, 0 findings" in shown
    assert re.search(r"launch  merge [0-9a-f]{12} into main", shown)


def test_what_a_task_waits_for_is_shown(refactory: Refactory) -> None:
    """In the table always, in the tree as long as it holds the task."""
    refactory.ok("request:create", "--title", "T", "--description", "## A\nscope: x\n\n## B\nscope: x\n")
    refactory.ok("plan:create", "1")
    shown = refactory.ok("plan:status", "1").out
    assert re.search(r"STATE +AGENT +DEPENDS +AFTER", shown)
    assert re.search(r"2 +pending +- +- +1 +B", shown)
    assert "run one by one" in shown
    status = msgspec.convert(refactory.data("plan:status", "1"), Status)
    assert " waits for 1: B" in drawn(status)
    done = replace(status, tasks=[replace(status.tasks[0], state="merged"), status.tasks[1]])
    assert "waits for" not in drawn(done)


def drawn(status: Status) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(tree(status, "code", {}))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_lines_elsewhere(done: Refactory) -> None:
    watched = done.ok("plan:status", "1", "--watch")
    assert watched.err == "task 1 merged (coder-1): Make one\nstage: launch\n"
    assert watched.out == done.ok("plan:status", "1").out


def test_it_ends_where_all_has_failed(refactory: Refactory, scripted: Any) -> None:
    scripted(make_one="no edits\n")
    assert refactory.run("run", "--title", "Files", "--from", "-", input=LIST).code == 1
    watched = refactory.run("plan:status", "1", "--watch")
    assert watched.code == 1
    assert "task 1 failed" in watched.err
