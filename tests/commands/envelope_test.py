"""The JSON envelope: scripts rely on its keys, also when something fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Done, Refactory, new_file

KEYS = {"version", "command", "status", "data", "errors"}
TWO = "## One\n\n## Two\n"


def codes(done: Done) -> list[tuple[str, set[str]]]:
    return [(error["code"], set(error)) for error in done.json["errors"]]


def test_a_result(refactory: Refactory) -> None:
    done = refactory.ok("request:create", "--title", "x", "--json")
    assert set(done.json) == KEYS
    assert (done.json["version"], done.json["command"], done.json["status"]) == (1, "request:create", "ok")
    assert (done.json["data"]["id"], done.json["errors"]) == (1, [])


@pytest.mark.parametrize(
    ("command", "code", "exit_code"),
    [
        (("request:show", "9"), "not_found", 3),
        (("request:show", "x"), "usage", 2),
        (("no:such",), "usage", 2),
        (("reconcile", "9"), "not_found", 3),
    ],
)
def test_an_error(refactory: Refactory, command: tuple[str, ...], code: str, exit_code: int) -> None:
    done = refactory.run(*command, "--json")
    assert set(done.json) == KEYS
    assert (done.code, done.json["status"], done.json["data"]) == (exit_code, "error", None)
    assert codes(done) == [(code, {"code", "message", "hint"})]


@pytest.mark.parametrize(
    ("two", "code", "exit_code"), [("no diff\n", "partial", 7), ("", "failed", 1)], ids=["partial", "failed"]
)
def test_a_result_to_be_sorry_about_has_both(
    refactory: Refactory, scripted: Any, two: str, code: str, exit_code: int
) -> None:
    scripted(one=new_file("one.py", "one = 1\n") if two else "no diff\n", two="no diff\n")
    done = refactory.run("run", "--title", "T", "--from", "-", "--json", input=TWO)
    assert (done.code, done.json["status"]) == (exit_code, "error")
    assert codes(done) == [(code, {"code", "message", "hint"})]
    assert len(done.data["status"]["tasks"]) == 2
