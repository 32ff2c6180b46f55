"""Bad input: one clear line, the documented exit code, every file as it was."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest

from tests.conftest import Refactory, Repo


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("lock", "lock.holder"):
            digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture
def planned(refactory: Refactory) -> Refactory:
    refactory.ok("request:create", "--title", "x")
    refactory.ok("plan:create", "1")
    return refactory


@pytest.mark.parametrize(
    ("code", "words", "command"),
    [
        (3, "no request 99", ("plan:create", "99")),
        (3, "no plan 99", ("orchestrate", "99")),
        (3, "no task 99", ("task:inspect", "99")),
        (2, "title", ("request:create", "--title", "")),
        (2, "title", ("request:create", "--title", "two\nlines")),
        (2, "no branch name", ("orchestrate", "1", "--target-branch", "a..b")),
        (3, "no branch", ("orchestrate", "1", "--target-branch", "missing")),
        (3, "no remote", ("orchestrate", "1", "--remote", "missing")),
        (4, "not orchestrated", ("reconcile", "1")),
        (4, "pending", ("task:retry", "1")),
        (2, "missing.md", ("plan:create", "1", "--from", "missing.md")),
        (2, "nothing to record", ("pull:record", "a", "--task-id", "1")),
        (4, "not assigned", ("pull:record", "a", "--task-id", "1", "--pr-url", "https://x.org/1")),
        (2, "from 0 to", ("task:release", "1", "--token", "1", "--usage", '{"inputTokens": -5}')),
        (2, "No such command", ("no:such",)),
        (2, "give a request's id or --title", ("run", "1", "--title", "x")),
        (2, "what is wanted", ("run",)),
    ],
)
def test_one_clear_line(planned: Refactory, code: int, words: str, command: tuple[str, ...]) -> None:
    before = fingerprint(planned.folder)
    done = planned.run(*command)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("refactory: ")
    assert words in done.err
    assert len(done.err.splitlines()) <= 3, "a line, and what to do next"
    assert fingerprint(planned.folder) == before


def test_a_ten_megabyte_description(planned: Refactory) -> None:
    before = fingerprint(planned.folder)
    done = planned.run("request:create", "--title", "x", "--description", "-", input="x" * 10_000_000)
    assert done.code == 2
    assert "description" in done.err
    assert len(done.err) < 500
    assert fingerprint(planned.folder) == before


@pytest.mark.parametrize("text", ["nul \0 byte", "\ud800"])
def test_text_that_no_program_can_take(planned: Refactory, text: str) -> None:
    """A NUL can't be an argument, so it comes by standard input; a lone surrogate is no UTF-8."""
    before = fingerprint(planned.folder)
    for command in (
        ("request:create", "--title", "x", "--description", "-"),
        ("plan:create", "1", "--from", "-"),
    ):
        process = planned.start(*command, stdin=-1)
        assert process.stdin
        process.stdin.buffer.write(text.encode("utf-8", "surrogatepass"))
        process.stdin.close()
        assert process.wait(timeout=30) == 2
    assert fingerprint(planned.folder) == before


def test_broken_yaml_is_named_with_its_line(planned: Refactory, repo: Repo) -> None:
    path = next((repo.path / ".refactory" / "plans").glob("*.yaml"))
    path.write_text("key: [\n")
    done = planned.run("plan:status", "1")
    assert done.code == 2
    assert f".refactory/plans/{path.name}:" in done.err


def test_a_broken_configuration_is_named(planned: Refactory, repo: Repo) -> None:
    (repo.path / ".refactory" / "config.yaml").write_text("agents: many\n")
    done = planned.run("orchestrate", "1")
    assert done.code == 2
    assert "config.yaml" in done.err
    assert "agents" in done.err


def test_not_a_git_repository(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    done = Refactory(folder).run("request:list")
    assert done.code == 2
    assert "not a git repository" in done.err


def test_no_refactory_folder(repo: Repo) -> None:
    done = Refactory(repo.path).run("request:list")
    assert done.code == 3
    assert "refactory init" in done.err


def test_a_port_in_use(refactory: Refactory) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = refactory.run("serve", "--port", str(taken.getsockname()[1]))
    assert done.code == 5
    assert "port" in done.err


def test_a_closed_pipe_is_no_error(planned: Refactory) -> None:
    process = planned.start("request:list")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == ""


def test_a_server_that_is_not_there(planned: Refactory) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = planned.run("--api-url", url, "request:list")
    assert done.code == 8
    assert url in done.err
