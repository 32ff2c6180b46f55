"""How a failure is told to scripts: in the format they asked for, also where nobody reads on."""

from __future__ import annotations

import resource
import shutil
from typing import Any

import pytest

from state.store import Store
from state.yaml_reader import load
from tests.conftest import Refactory


@pytest.mark.parametrize(
    "words",
    [
        ("plan:status", "99", "--json"),
        ("-C", ".", "plan:status", "99", "--json"),
        ("-C.", "plan:status", "--format", "json", "99"),
        ("-C", ".", "plan:status", "99", "--format=yaml", "--json"),
        ("plan:status", "99", "--format", "yaml"),
        ("-C", ".", "plan:status", "99", "--format=yaml"),
        ("plan:status", "--no-such-option", "--format", "yaml"),
    ],
)
def test_the_envelope_names_the_command(refactory: Refactory, words: tuple[str, ...]) -> None:
    done = refactory.run(*words)
    found: Any = done.json if "json" in words or "--json" in words else load(done.out.encode(), "stdout")
    code, kind = (2, "usage") if "--no-such-option" in words else (3, "not_found")
    assert (done.code, found["command"], found["status"]) == (code, "plan:status", "error")
    assert found["errors"][0]["code"] == kind
    assert found["errors"][0]["message"] in done.err


@pytest.mark.parametrize("words", [("plan:status", "99"), ("plan:status", "99", "--", "--json")])
def test_who_asked_for_text_gets_no_envelope(refactory: Refactory, words: tuple[str, ...]) -> None:
    assert refactory.run(*words).out == ""


@pytest.mark.parametrize("form", ["text", "json", "yaml"])
@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_pipe_does_not_hide_the_failure(refactory: Refactory, form: str, closed: str) -> None:
    process = refactory.start("plan:status", "99", "--format", form)
    getattr(process, closed).close()
    setattr(process, closed, None)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3
    said = err if closed == "stdout" else out
    assert ("no plan 99" in said) == (closed == "stdout" or form != "text")
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


@pytest.mark.parametrize(
    "words", ["token:create ann --role viewer", "schema --write", "init", "state:commit"]
)
def test_a_disk_that_takes_nothing_more_is_no_bug_of_ours(
    store: Store, refactory: Refactory, words: str
) -> None:
    """With a limit on the size of files, every write fails as on a full disk; so would the log of a bug."""
    shutil.rmtree(store.location.records / "schemas")
    process = refactory.start(
        *words.split(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.startswith("refactory: ")
    assert "mend the cause, and run the command again" in err
    assert "unexpected" not in err and "None" not in err and "Traceback" not in err
