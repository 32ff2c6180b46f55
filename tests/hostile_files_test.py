"""Files that stall, crash or mislead YAML readers are refused by every command, with file and line.

Acceptance 16. That no file takes long is shown by tests/state/reading_time_test.py.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Done, Refactory, Repo

KEY = "1-abcdefgh"
MERGES = "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 10))
LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
HOSTILE: dict[str, tuple[str | bytes, int, str]] = {
    "merge keys": ("a0: &a0 {k: v}\n" + MERGES, 1, "an anchor"),
    "a merge key": (f"key: {KEY}\nbase:\n  <<: {{a: 1}}\n", 3, "base: a merge key"),
    "a billion laughs": ("a0: &a0 [lol]\n" + LAUGHS, 1, "an anchor"),
    "depth of 100,000": ("a: " + "[" * 100_000, 1, "nested deeper than 50 levels"),
    "depth of 100,000, closed": ("a: " + "{a: " * 100_000 + "}" * 100_000, 1, "nested deeper than 50 levels"),
    "block lists in lists": ("a:\n  " + "- " * 100_000 + "x\n", 2, "nested deeper than 50 levels"),
    "a duplicate": (f"key: {KEY}\nversion: 1\nkey: {KEY}\n", 3, "the key 'key' stands here a second time"),
    "empty": ("", 1, "the file is empty"),
    "only comments": ("# nothing\n", 2, "the file is empty"),
    "conflict markers": (
        f"key: {KEY}\n<<<<<<< HEAD\ntitle: a\n=======\ntitle: b\n>>>>>>> x\n", 2, "unresolved merge conflict"
    ),
    "a tag": ("key: !!python/object/apply:os.system [id]\n", 1, "key: a tag"),
    "directives": ("".join(f"%TAG !{n}! x\n" for n in range(200_000)), 1, "begins with %"),
    "sexagesimal": ("version: " + "1:" * 500_000 + "1\n", 1, "version: expected"),
    "a million values": ("a: [" + "a," * 1_000_000 + "]\n", 1, "more than 50000 keys and values"),
    "too large": ("#" * 5_000_000 + "\n", 1, "bytes"),
    "NUL": ("key: \0\n", 1, "U+0000"),
    "no UTF-8": (b"key: \xff\n", 1, "not UTF-8"),
    "a later version": ("version: 2\nunheard: of\n", 1, "needs Refactory with record version 2"),
    "two documents": (f"key: {KEY}\n---\nkey: {KEY}\n", 2, "a second document"),
}  # fmt: skip


def refused(done: Done, place: str, said: str) -> None:
    """One line that names the place, one that says what to do; nothing else."""
    assert done.code == 2
    first, *rest = done.err.splitlines()
    assert first.startswith("refactory: ")
    assert place in first
    assert said in first
    assert len(first) < 300
    assert len(rest) == 1


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def test_as_records(refactory: Refactory) -> None:
    names = {}
    for number, (what, (data, _, _)) in enumerate(HOSTILE.items(), 1):
        names[what] = f".refactory/tasks/{number}-abcdefgh.yaml"
        write(refactory.folder / names[what], data)
    for number, (what, (_, line, said)) in enumerate(HOSTILE.items(), 1):
        refused(refactory.run("task:inspect", str(number)), f"{names[what]}:{line}:", said)
    for command in ("tasks:list", "status"):
        refused(refactory.run(command), ".refactory/tasks/1-abcdefgh.yaml:1:", "an anchor")
    found = refactory.run("doctor")
    assert found.code == 1
    for what, (_, line, said) in HOSTILE.items():
        [named] = [text for text in found.out.splitlines() if f"{names[what]}:{line}:" in text]
        assert said in named


@pytest.mark.slow
def test_as_the_configuration(refactory: Refactory) -> None:
    refactory.ok("request:create", "--title", "x")
    for data, line, said in HOSTILE.values():
        write(refactory.folder / ".refactory/config.yaml", data)
        refused(refactory.run("plan:create", "1"), f".refactory/config.yaml:{line}:", said)
    found = refactory.run("doctor")
    assert found.code in (1, 2), "what it can say without a configuration, or nothing"
    assert ".refactory/config.yaml:2:" in found.out + found.err
    assert refactory.run("status").code == 0, "needs no configuration"


@pytest.mark.parametrize("path", [".refactory/tasks/9-abcdefgh.yaml", ".git/refactory/journal"])
@pytest.mark.parametrize("command", ["status", "tasks:list"])
def test_what_can_t_be_read_is_named_and_no_bug_of_ours(
    refactory: Refactory, path: str, command: str
) -> None:
    its_own_link = refactory.folder / path
    its_own_link.parent.mkdir(parents=True, exist_ok=True)
    its_own_link.symlink_to(its_own_link.name)
    if path.startswith(".git"):
        its_own_link.unlink()
        its_own_link.mkdir()
    done = refactory.run(command)
    assert done.code in (1, 2)
    assert its_own_link.name in done.err
    assert "unexpected" not in done.err


@pytest.mark.parametrize("place", [".refactory/schemas/task.json", ".git/refactory/journal"])
def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(repo: Repo, refactory: Refactory, place: str) -> None:
    refactory.ok("request:create", "--title", "One")
    path = repo.path / place
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert refactory.run("doctor").code in (0, 1)
    assert refactory.run("init").code in (0, 1)
    done = refactory.run("request:create", "--title", "Two")
    assert done.code in (0, 1)
    assert "Traceback" not in done.err
