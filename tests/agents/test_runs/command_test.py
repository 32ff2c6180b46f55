from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.test_runs.command import PYTEST, detect

UNITTEST = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
DISCOVER = "python3 -m unittest discover"


def found(files: dict[str, str]) -> str | None:
    return detect(lambda name: files[name].encode() if name in files else None, files.keys())


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "[tool.pytest.ini_options]\n"},
        {"pyproject.toml": "[tool.pytest]\n"},
        {"pytest.ini": ""},
        {"tox.ini": "[tox]\n[pytest]\n"},
        {"setup.cfg": "[metadata]\n[tool:pytest]\n"},
        {"conftest.py": ""},
        {"tests/conftest.py": "", "package.json": '{"scripts": {"test": "jest"}}'},
        {"tests/test_a.py": "def test_a():\n    assert True\n"},
        {"a_test.py": "import pytest\n"},
        {"tests/test_a.py": UNITTEST, "requirements-dev.txt": "flake8\npytest>=8\n"},
        {"tests/test_a.py": UNITTEST, "pyproject.toml": "[dependency-groups]\ndev = ['pytest']"},
        {"tests/test_a.py": UNITTEST, "pyproject.toml": "[tool.poetry.dev-dependencies]\npytest = '*'"},
    ],
)
def test_pytest(files: dict[str, str]) -> None:
    assert found(files) == PYTEST


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"test_a.py": UNITTEST}, ""),
        ({"tests/test_a.py": UNITTEST}, " -s tests"),
        ({"tests/__init__.py": "", "tests/test_a.py": UNITTEST}, " -s tests -t ."),
        ({"tests/__init__.py": "", "tests/test_a.py": UNITTEST, "test_b.py": UNITTEST}, ""),
        ({"p/__init__.py": "", "p/t/__init__.py": "", "p/t/test_a.py": UNITTEST}, " -s p/t -t ."),
        ({"a_test.py": UNITTEST}, " -p '*_test.py'"),
        ({"un safe;/test_a.py": UNITTEST}, " -s 'un safe;'"),
        ({"tests/test_a.py": UNITTEST, "requirements.txt": "mypytest\n"}, " -s tests"),
    ],
)
def test_unittest_by_layout(files: dict[str, str], options: str) -> None:
    assert found(files) == DISCOVER + options


def test_a_source_layout_is_on_the_path() -> None:
    files = {"src/p/__init__.py": "", "a/test_a.py": UNITTEST, "b/test_b.py": UNITTEST}
    one = f"PYTHONPATH=src {DISCOVER} -s"
    assert found(files) == f"{one} a && {one} b"
    assert found({"src/p.py": "", "pytest.ini": ""}) == f"PYTHONPATH=src {PYTEST}"


@pytest.mark.parametrize(
    "layout",
    [
        ["test_a.py"],
        ["tests/test_a.py"],
        ["tests/__init__.py", "tests/test_a.py", "tests/deep/__init__.py", "tests/deep/test_b.py"],
        ["src/p/__init__.py", "tests/one/test_a.py", "tests/two/b_test.py", "tests/test_c.py"],
        ["p/__init__.py", "p/test_a.py", "q/__init__.py", "q/tests/__init__.py", "q/tests/tests.py"],
    ],
)
def test_the_unittest_command_finds_every_test(tmp_path: Path, layout: list[str]) -> None:
    for name in layout:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("" if name.endswith("__init__.py") else UNITTEST)
    command = detect(lambda name: (tmp_path / name).read_bytes(), layout)
    assert command
    done = subprocess.run(
        command.replace("python3", sys.executable), shell=True, cwd=tmp_path, capture_output=True, check=True
    )
    cases = [name for name in layout if not name.endswith("__init__.py")]
    assert done.stderr.count(b"\nOK") == command.count("discover")
    assert sum(int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith(b"Ran ")) == len(
        cases
    )


@pytest.mark.parametrize(
    ("lock", "command"),
    [("package-lock.json", "npm test"), ("pnpm-lock.yaml", "pnpm test"), ("yarn.lock", "yarn test")],
)
def test_node(lock: str, command: str) -> None:
    assert found({"package.json": '{"scripts": {"test": "jest"}}', lock: ""}) == command


@pytest.mark.parametrize(
    "package",
    [
        {"scripts": {"test": 'echo "Error: no test specified" && exit 1'}},
        {"scripts": {"test": " "}},
        {"scripts": {"test": 1}},
        {"scripts": ["test"]},
        [],
    ],
)
def test_node_without_a_real_script_goes_on(package: object) -> None:
    assert found({"package.json": json.dumps(package), "Cargo.toml": ""}) == "cargo test"


def test_compiled_languages() -> None:
    assert found({"Cargo.toml": "", "Makefile": "test:\n"}) == "cargo test"
    assert found({"go.mod": "", "a_test.go": ""}) == "go test -v ./..."


@pytest.mark.parametrize(
    ("makefile", "command"),
    [
        ("all:\n\techo\ncheck: all\n\ttrue\n", "make check"),
        ("check:\ntest: check\n", "make test"),
        (".PHONY: test\nlint test: all\n", "make test"),
        ("test := x\ncheck::\n", "make check"),
        ("test ::= x\n", None),
        ("tests:\n\ttest: x\n", None),
        (".PHONY: test\n", None),
    ],
)
def test_make(makefile: str, command: str | None) -> None:
    assert found({"Makefile": makefile}) == command


def test_nothing_is_guessed() -> None:
    assert found({}) is None
    assert found({"README.md": "", "main.py": "def test_x(): pass"}) is None
    assert found({"node_modules/x/conftest.py": "", ".venv/lib/test_a.py": UNITTEST}) is None
    assert found({"pyproject.toml": "not [toml", "package.json": "{"}) is None


FILES = ["pyproject.toml", "package.json", "Makefile", "tox.ini", "tests/test_a.py", "requirements.txt"]


@given(st.dictionaries(st.sampled_from(FILES), st.binary(max_size=80)))
def test_any_content_gives_an_answer(files: dict[str, bytes]) -> None:
    command = detect(files.get, files.keys())
    assert command is None or command.startswith(("python3", "npm", "make"))
