"""Few strong fixtures: a real repository, the real program, a cleared environment, a scripted model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from state.store import Store
from tests.model_server import model_server  # noqa: F401 - a fixture

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script, we would pass that on to the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where this is set, each of some thousand starts of the program would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PROGRAM = Path(__file__).parents[1] / "refactory.py"

_MEMORY = Path("/dev/shm")
_ENOUGH = 4 * 2**30  # bytes


# Without `explain`: it traces every line that an example runs, which takes minutes before Python 3.12.
# Nor is it an error that a machine with other work is slow.
settings.register_profile(
    "refactory",
    phases=[phase for phase in Phase if phase is not Phase.explain],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("refactory")


def pytest_configure() -> None:
    """In memory, where there is room: thousands of repositories wait for the disk longer than for anything else.

    TMPDIR says otherwise; CI runs its slow tests on the disk.
    """
    here = "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK)
    if here and shutil.disk_usage(_MEMORY).free > _ENOUGH:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # what was found before is forgotten


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is slow by itself needs time on a busy machine."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))


def clean(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("GIT_", "REF_", "REFACTORY_", "OPENAI_", "XDG_", "AGENT_NAME")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="session", autouse=True)
def clean_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For what is made once for many tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        clean(monkeypatch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private home and no git configuration: nothing of the user's is read or touched."""
    home = tmp_path_factory.mktemp("home")
    clean(monkeypatch, home)
    return home


@dataclass(frozen=True)
class Repo:
    """A git repository with a fixed identity."""

    path: Path

    def git(self, *args: str, check: bool = True) -> str:
        done = subprocess.run(["git", *args], cwd=self.path, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"git {args}: {done.stderr}")
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes], message: str = "change") -> str:
        self.write(files)
        self.git("add", "--", *files)
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def show(self, path: str, revision: str = "HEAD") -> str:
        return self.git("show", f"{revision}:{path}")


def make_repo(path: Path) -> Repo:
    path.mkdir(parents=True, exist_ok=True)
    repo = Repo(path)
    repo.git("init", "-q", "-b", "main")
    repo.git("config", "user.name", "Tester")
    repo.git("config", "user.email", "tester@example.com")
    return repo


@pytest.fixture(scope="session")
def small_program(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = make_repo(tmp_path_factory.mktemp("small") / "repo")
    test = "import unittest\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n"
    test += "    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n"
    repo.commit({"calc.py": "def add(a, b):\n    return a + b\n", "tests/test_calc.py": test}, "base")
    return repo


def copied(repo: Repo, path: Path) -> Repo:
    """As good as made anew, which took six processes: git knows the copies as unchanged."""
    shutil.copytree(repo.path, path, symlinks=True)
    copy = Repo(path)
    copy.git("update-index", "-q", "--refresh")
    return copy


@pytest.fixture
def repo(small_program: Repo, tmp_path: Path) -> Repo:
    """One commit: a small Python program with a unittest that passes; no `.refactory` yet."""
    return copied(small_program, tmp_path / "repo")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def data(self) -> Any:
        return self.json["data"]


class Refactory:
    """The real program, run in a folder. `ok` wants exit code 0, `run` takes any."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.env = dict(env or {})

    def start(self, *args: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), *args],
            cwd=self.folder,
            env={**os.environ, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def run(self, *args: str, input: str | None = None) -> Done:
        process = self.start(*args, stdin=subprocess.PIPE)
        out, err = process.communicate(input, timeout=100)
        assert "Traceback" not in err, err
        return Done(process.returncode, out, err)

    def ok(self, *args: str, input: str | None = None) -> Done:
        done = self.run(*args, input=input)
        assert done.code == 0, f"{args}: exit {done.code}\n{done.out}\n{done.err}"
        return done

    def data(self, *args: str, input: str | None = None) -> Any:
        return self.ok(*args, "--json", input=input).data


@pytest.fixture(scope="session")
def initialised(small_program: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """That program after `refactory init`."""
    repo = copied(small_program, tmp_path_factory.mktemp("initialised") / "repo")
    Refactory(repo.path).ok("init")
    return repo


@pytest.fixture
def refactory(repo: Repo, small_program: Repo, initialised: Repo) -> Refactory:
    """The program in the repository of the `repo` fixture, after `refactory init`."""
    program = Refactory(repo.path)
    if sizes(repo) != sizes(small_program):  # another fixture was here before
        program.ok("init")
    else:
        shutil.rmtree(repo.path)
        copied(initialised, repo.path)
    return program


def sizes(repo: Repo) -> dict[Path, int]:
    return {
        path.relative_to(repo.path): path.stat().st_size for path in repo.path.rglob("*") if path.is_file()
    }


@pytest.fixture
def store(refactory: Refactory) -> Store:
    return Store.open(refactory.folder)


def answers(repo: Repo, **texts: str | list[str]) -> None:
    """Scripted answers: `add_sub=[first, second]` is what the task titled `Add sub` is answered with.

    An answer is a unified diff. Sets the coder's backend to `scripted`, keeping the rest of the configuration.
    """
    folder = repo.path / ".git" / "answers"
    for name, given in texts.items():
        for attempt, diff in enumerate([given] if isinstance(given, str) else given, 1):
            path = folder / name.replace("_", "-") / f"{attempt}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"```diff\n{diff}```\n", encoding="utf-8")
    config = repo.path / ".refactory" / "config.yaml"
    if "backend: scripted" not in config.read_text(encoding="utf-8"):
        with config.open("a", encoding="utf-8") as file:
            file.write("coder:\n  backend: scripted\n  answers: .git/answers\n")


def new_file(path: str, content: str) -> str:
    """A unified diff that creates a file."""
    lines = content.splitlines()
    body = "".join(f"+{line}\n" for line in lines)
    return f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n{body}"


@pytest.fixture
def scripted(repo: Repo, refactory: Refactory) -> Iterator[Any]:
    """`scripted(add_sub=diff)` writes the answers of the scripted coder."""
    yield lambda **texts: answers(repo, **texts)
