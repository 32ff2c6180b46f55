"""Standard streams that are closed or full: the work is done, the exit code is the work's, nothing is said in vain."""

from __future__ import annotations

import subprocess
import sys

import pytest

from state.records import Request
from state.store import Store
from tests.conftest import PROGRAM, Repo

CREATE = "request:create --title T"


def shell(repo: Repo, command: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} {PROGRAM} {command}"],
        cwd=repo.path,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("streams", [">&-", "2>&-", "2>/dev/full", "<&- >&- 2>&-", ">/dev/full"])
def test_what_cannot_be_said_is_done_all_the_same(repo: Repo, store: Store, streams: str) -> None:
    code, _, err = shell(repo, f"{CREATE} {streams}")
    assert [request.title for request in store.all(Request)] == ["T"]
    assert code == (1 if streams == ">/dev/full" else 0)
    if code:
        assert (
            err.startswith("refactory: standard output: No space left on device\n") and "Traceback" not in err
        )
    assert shell(repo, "audit:verify --json")[0] == 0, "no output went to a file that got its number"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("nope >/dev/full 2>/dev/full", 2),
        ("nope --json >&- 2>&-", 2),
        ("--version >&-", 0),
        ("--help >/dev/full", 1),
    ],
)
def test_the_exit_code_is_the_works(repo: Repo, command: str, code: int) -> None:
    assert shell(repo, command)[0] == code


def test_a_reader_that_has_seen_enough_is_no_error(repo: Repo) -> None:
    assert shell(repo, "--help | head -n 1") == (0, "Usage: refactory [OPTIONS] COMMAND [ARGS]...\n", "")


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
def test_a_name_that_is_no_text_is_said_somehow(repo: Repo, form: str) -> None:
    code, out, err = shell(repo, f"-C \"$(printf '\\377')\" status --format {form}")
    assert (code, "no such folder" in out + err, "Traceback" in err) == (2, True, False)
