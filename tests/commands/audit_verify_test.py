from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Refactory, Repo


@pytest.fixture
def logged(refactory: Refactory) -> Refactory:
    for title in ("a", "b", "c"):
        refactory.ok("request:create", "--title", title)
    return refactory


def log(refactory: Refactory) -> Path:
    return next((refactory.folder / ".refactory/audit").iterdir())


def test_whole(logged: Refactory) -> None:
    assert logged.ok("audit:verify").out == "3 lines in 1 file: whole\n"
    assert logged.data("audit:verify") == {"files": 1, "lines": 3, "findings": [], "notes": []}


def test_an_empty_repository_is_whole(refactory: Refactory) -> None:
    assert refactory.data("audit:verify") == {"files": 0, "lines": 0, "findings": [], "notes": []}


def test_a_changed_line_is_named(logged: Refactory) -> None:
    """Acceptance 23."""
    path = log(logged)
    path.write_bytes(path.read_bytes().replace(b'"to":"open"', b'"to":"done"', 1))
    done = logged.run("audit:verify")
    assert done.code == 1
    assert f".refactory/audit/{path.name}:1: was changed" in done.out
    found = logged.run("audit:verify", "--json").json
    assert (found["status"], found["data"]["findings"][0]["line"]) == ("error", 1)


def test_a_cut_tail_is_found_in_a_fresh_memory_too(logged: Refactory) -> None:
    """Acceptance 23: a verification that succeeded notes the heads, so what was whole once must stay."""
    logged.ok("audit:verify")
    for path in logged.folder.glob(".git/refactory/audit-*.json"):
        path.unlink()
    path = log(logged)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    done = logged.run("audit:verify")
    assert done.code == 1
    assert "3 lines by refs/refactory/audit/" in done.out
    assert "here are 2" in done.out


def test_a_failed_verification_notes_nothing(logged: Refactory) -> None:
    path = log(logged)
    data = path.read_bytes()
    path.write_bytes(data[:-2])
    assert logged.run("audit:verify").code == 1
    path.write_bytes(data)
    logged.ok("audit:verify")


def test_strict_wants_lines_here_wherever_else_they_are(logged: Refactory, repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "other")
    repo.git("add", "-f", ".refactory")
    repo.git("commit", "-qm", "state")
    repo.git("switch", "-q", "-")
    (logged.folder / ".refactory").mkdir(exist_ok=True)
    assert "note: " in logged.ok("audit:verify").out
    assert logged.run("audit:verify", "--strict").code == 1
