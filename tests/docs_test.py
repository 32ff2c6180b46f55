"""The pages say what the code does: generated parts are fresh, links lead somewhere, what is shown works."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import click
import pytest

import refactory as program
from docs.reference import EMPTY, PARTS, regenerated
from tests.conftest import PROGRAM

ROOT = PROGRAM.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
GENERATED = [
    page for page in sorted((ROOT / "docs").glob("*.md")) if "<!-- generated: " in page.read_text("utf-8")
]
COMMANDS = program.cli.list_commands(click.Context(program.cli))
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", GENERATED, ids=name)
def test_generated_parts_are_fresh(page: Path) -> None:
    fresh = regenerated(page)
    if os.environ.get("REGENERATE"):
        page.write_text(fresh, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == fresh, "REGENERATE=1 pytest tests/docs_test.py writes it anew"


@pytest.mark.parametrize("page", GENERATED, ids=name)
def test_every_row_is_explained(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.endswith(f"| {EMPTY} |")] == []


def test_every_generated_part_is_in_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in GENERATED)
    assert {part for part in PARTS if f"<!-- generated: {part} -->" in text} == set(PARTS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([command, "--help"]) == 0
    assert f"Usage: refactory {command}" in capsys.readouterr().out
    found = program.cli.get_command(click.Context(program.cli), command)
    assert found is not None
    assert (found.help or "").partition("\n")[0].endswith((".", "`.")), "a summary, as a sentence"
    options = [each for each in found.params if isinstance(each, click.Option) and not each.hidden]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_table_of_commands(command: str) -> None:
    table = (ROOT / "docs/commands.md").read_text(encoding="utf-8").partition("<!-- generated")[0]
    assert f"`{command}`" in table


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), f"{name(page)}: {target}"
            assert not anchor or anchor in anchors(found), f"{name(page)}: {target}"


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_two_command_lines() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/refactory demo" in lines
    assert ".venv/bin/pip install '.[dev]' && .venv/bin/pytest" in lines


@dataclass
class Block:
    """A block of shell commands and what the page says that they print."""

    where: str
    commands: str
    shown: str = ""


def blocks() -> Iterator[Block]:
    for page in PAGES:
        found: Block | None = None
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match[1] == "sh":
                if found:
                    yield found
                found = Block(f"{name(page)}:{text[: match.start()].count(chr(10)) + 1}", match[2])
            elif match[1] == "text" and found:
                found.shown += match[2]
        if found:
            yield found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_what_the_pages_show_works(tmp_path: Path) -> None:
    """All blocks in one shell, as a reader would; only the port is another one. The README's tour is first."""
    installed = tmp_path / "clone/.venv/bin/refactory"
    installed.parent.mkdir(parents=True)
    installed.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PROGRAM}" "$@"\n')
    installed.chmod(0o755)
    shutil.copytree(ROOT / "examples", tmp_path / "clone/examples")
    shown = list(blocks())
    script = "".join(f"printf '\\n@@\\n'\n{block.commands}" for block in shown).replace(
        "3000", str(free_port())
    )
    argv = ["bash", "-euo", "pipefail", "-c", script]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        argv, cwd=tmp_path / "clone", env=env, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True
    ) as shell:
        try:
            out, err = shell.communicate(timeout=100)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    outputs = out.split("\n@@\n")[1:]
    assert shell.returncode == 0, f"{shown[len(outputs) - 1].where}: {err}"
    assert err == ""
    for block, output in zip(shown, outputs, strict=True):
        for line in block.shown.splitlines():
            assert words(line) in words(output), f"{block.where}: {output}"


def words(text: str) -> str:
    """However wide the columns are."""
    return " ".join(text.split())
