"""commands -> agents -> state, and what each layer may know."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROGRAM

ROOT = PROGRAM.parent
OUTSIDE = {
    "click",
    "aiohttp",
    "http",
    "git",
    "openai",
    "rich",
    "tenacity",
    "agents",
    "commands",
    "subprocess",
}


def test_the_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "state").rglob("*.py")), ids=lambda path: path.stem)
def test_state_knows_neither_click_nor_http_nor_git(path: Path) -> None:
    assert imported(path) & OUTSIDE == set()


def imported(path: Path) -> set[str]:
    """The top names of all modules that the file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found
