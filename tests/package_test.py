"""The wheel, installed where nothing else is: what it puts there, and that it runs."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

import refactory as program
from tests.conftest import PROGRAM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh environment that has the built wheel."""
    folder = tmp_path_factory.mktemp("package")
    wheels, environment = folder / "wheels", folder / "venv"
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, PROGRAM.parent)
    venv.create(environment, with_pip=True)
    wheel = next(wheels.glob("refactory_orchestrator-*.whl"))
    run(environment / "bin/python", "-m", "pip", "install", "--quiet", wheel)
    return environment


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def site_packages(environment: Path) -> Path:
    return next(environment.glob("lib/python3*/site-packages"))


def test_both_ways_to_start_it(installed: Path, tmp_path: Path) -> None:
    version = f"refactory {program.VERSION}\n"
    assert run(installed / "bin/refactory", "--version", cwd=tmp_path) == version
    assert run(installed / "bin/python", "-m", "refactory", "--version", cwd=tmp_path) == version


def test_nothing_generic_is_put_into_site_packages(installed: Path) -> None:
    names = {path.name for path in site_packages(installed).iterdir()}
    assert names.isdisjoint({"agents", "state", "commands", "docs", "tests", "bench", "examples"})
    assert {"refactory.py", "_refactory"} <= names


def test_all_files_are_in_it(installed: Path) -> None:
    packaged = site_packages(installed) / "_refactory"
    for folder in ("commands", "agents", "state"):
        here = PROGRAM.parent / folder
        files = [path.relative_to(here) for path in here.rglob("*") if path.is_file()]
        wanted = [path for path in files if "__pycache__" not in path.parts]
        assert [str(path) for path in wanted if not (packaged / folder / path).is_file()] == []


def test_every_command_starts(installed: Path, tmp_path: Path) -> None:
    for command in program.cli.list_commands(program.click.Context(program.cli)):
        assert f"refactory {command}" in run(installed / "bin/refactory", command, "--help", cwd=tmp_path)
    assert "complete" in run(installed / "bin/refactory", "completion", "bash", cwd=tmp_path)


def test_the_demo(installed: Path, tmp_path: Path) -> None:
    run(installed / "bin/refactory", "demo", cwd=tmp_path)
