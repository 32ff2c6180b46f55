"""In the real shells: bash splits words at ":", and it is the shell that decides what a completion replaces."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import PROGRAM, Refactory

SETUP = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(refactory completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -D -u; source <(refactory completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "refactory completion fish | source"),
}
SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed"))
    for name in SETUP
]


@pytest.fixture(autouse=True)
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`refactory` as a command, in an empty folder."""
    program = tmp_path / "bin" / "refactory"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Terminal:
    """A shell at a pseudo terminal; `typed` shows what its line becomes by the tab key."""

    def __init__(self, name: str) -> None:
        argv, setup = SETUP[name]
        self.pid, self.master = pty.fork()  # with a controlling terminal: fish won't go without one
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "dumb", "PS1": "$ ", "HISTFILE": ""})
        self.ask(f"{setup}; printf 'rea%s\\n' dy", "ready")

    def ask(self, line: str, expected: str) -> str:
        os.write(self.master, f"{line}\r".encode())
        return self.until(lambda seen: expected in seen)

    def until(self, condition: Callable[[str], bool]) -> str:
        seen, end = "", time.monotonic() + 60
        while not condition(seen):
            assert time.monotonic() < end, f"waited in vain: {seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                seen += os.read(self.master, 4096).decode(errors="replace")
        return seen

    def typed(self, line: str, shown: str) -> str:
        """Type, press tab, wait until `shown` is there; then turn the line into an echo of itself."""
        os.write(self.master, f"{line}\t".encode())
        self.until(lambda seen: shown in seen)
        os.write(self.master, b"\x01printf '<%s>' GOT \x05 END\r")
        found = self.until(lambda seen: "<END>" in seen)
        return found[found.index("<GOT>") : found.index("<END>")]

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)


@pytest.fixture
def terminal() -> Iterator[Callable[[str], Terminal]]:
    opened: list[Terminal] = []

    def start(name: str) -> Terminal:
        opened.append(Terminal(name))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_is_completed_across_its_colon(shell: str, terminal: Callable[[str], Terminal]) -> None:
    assert terminal(shell).typed("refactory plan:cr", "create") == "<GOT><refactory><plan:create>"


@pytest.mark.parametrize("shell", SHELLS)
def test_an_options_value_after_an_equals_sign(shell: str, terminal: Callable[[str], Terminal]) -> None:
    typed = terminal(shell).typed("refactory tasks:list --state=as", "assigned")
    assert typed == "<GOT><refactory><tasks:list><--state=assigned>"


def bash(line: str, word: str, point: int | None = None) -> list[str]:
    """What the function that bash calls leaves in COMPREPLY."""
    script = (
        'source <(refactory completion bash); _refactory refactory "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = {**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line) if point is None else point)}
    done = subprocess.run(
        ["bash", "-c", script, "-", word], env=env, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_what_bash_is_told() -> None:
    assert bash("refactory plan:cr", "cr") == ["create"]
    assert bash("refactory plan:", "") == ["approve", "create", "list", "status"]
    assert bash("refactory plan:cr", "plan:cr") == ["plan:create"], "with COMP_WORDBREAKS without a colon"
    assert bash("refactory 'plan:cr", "plan:cr") == ["plan:create"]
    assert bash("refactory pl", "pl") == ["plan:approve", "plan:create", "plan:list", "plan:status"]
    assert bash("refactory task:inspect --fo", "--fo") == ["--format"]
    assert bash("refactory task:inspect 1 --format y", "y") == ["yaml"]
    assert bash("refactory --api-url http://127.0.0.1:3000 plan:cr", "cr") == ["create"]
    assert bash("refactory plan:cr --planner model", "cr", point=17) == ["create"], (
        "the cursor is in the line"
    )
    assert bash("refactory no:such", "such") == []


def test_every_command_is_offered(refactory: Refactory) -> None:
    import refactory as program

    names = program.cli.list_commands(program.click.Context(program.cli))
    assert [word for word in bash("refactory ", "") if not word.startswith("-")] == names
    help_text = {line.split()[0] for line in refactory.ok("--help").out.splitlines() if line.startswith("  ")}
    assert set(names) <= help_text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_are_sound(shell: str, refactory: Refactory) -> None:
    script = refactory.ok("completion", shell).out
    subprocess.run([shell, "-n"], input=script, text=True, check=True)
    assert refactory.data("completion", shell) == {"shell": shell, "script": script}


def test_an_unknown_shell(refactory: Refactory) -> None:
    assert refactory.run("completion", "tcsh").code == 2
