from __future__ import annotations

from pathlib import Path

from agents.reconcile.resolvers import semantic
from tests.agents.reconcile.resolvers.clashes import clash

CLASH = ("a\n", "b\n", "c\n")


def driver(tmp_path: Path, script: str) -> str:
    path = tmp_path / "driver"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"'{path}' %O %A %B %P"


def test_the_users_driver_merges_the_whole_file(tmp_path: Path) -> None:
    command = driver(tmp_path, 'cat "$1" "$2" "$3" > all; echo "$4" >> all; cp all "$2"')
    done = semantic.resolver(command)(clash(tmp_path, *CLASH, path="src/x.py"))
    assert (done.content, done.by) == (b"a\nb\nc\nsrc/x.py\n", ("semantic",))


def test_a_driver_that_fails_or_is_not_there_leaves_it_open(tmp_path: Path) -> None:
    found = clash(tmp_path, *CLASH)
    assert semantic.resolver(driver(tmp_path, 'echo x > "$2"; exit 1'))(found) == found
    assert semantic.resolver("/no/such/driver %A")(found) == found
    assert semantic.resolver(None)(found) == found, "no mergiraf here"
