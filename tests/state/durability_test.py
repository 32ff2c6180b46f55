"""What has been confirmed is on the disk: which system calls a transaction makes, in which order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from state.store import Store
from tests.state.crash_test import agreeing
from tests.state.faults import check, new_store, step
from tests.state.tracing import can_trace, traced

pytestmark = pytest.mark.skipif(not can_trace(), reason="strace is missing or forbidden")

CALL = re.compile(r"\d+ +(\w+)\((.*)\) += (-?\d+)")
FOLDER = re.compile(r"O_DIRECTORY")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "repo").mkdir()
    return new_store(tmp_path / "repo")


def calls(store: Store, output: Path) -> list[tuple[str, str]]:
    """The system calls of one step that succeeded, by name, with their arguments; descriptors with their paths."""
    step(store)  # imports what is imported but once
    assert traced(lambda: step(store), output, ["-y", "-e", "trace=file,desc"]) == "2\n"
    found = (CALL.match(line) for line in output.read_text().splitlines())
    return [(call[1], call[2]) for call in found if call and int(call[3]) >= 0]


def events(store: Store, output: Path) -> Iterator[tuple[str, str, str]]:
    """("write" | "sync", path, "") and ("rename", from, to), in order; ("said", "", "") at the end."""
    for name, args in calls(store, output):
        descriptor = re.match(r"\d+<([^>]*)>", args)
        if name in ("write", "pwrite64") and descriptor:
            yield "write", descriptor[1], ""
        elif name in ("fsync", "fdatasync") and descriptor:
            yield "sync", descriptor[1], ""
        elif name.startswith("rename"):
            source, target = re.findall(r'"([^"]*)"', args)
            yield "rename", source, target
        elif name == "writev":
            yield "said", "", ""


def test_file_then_rename_then_folder(store: Store, tmp_path: Path) -> None:
    """Acceptance 25: each file is synced before it gets its name, its folder after that and before it is confirmed."""
    written: set[str] = set()
    unsynced: set[str] = set()
    renamed = []
    for kind, path, target in events(store, tmp_path / "trace"):
        if kind == "write":
            written.add(path)
        elif kind == "sync":
            written.discard(path)
            unsynced.discard(path)
        elif kind == "rename" and ".refactory/" in target:
            assert path not in written, f"{path} was renamed before it was synced"
            assert str(Path(path).parent) not in unsynced
            unsynced.add(str(Path(target).parent))
            renamed.append(target)
        elif kind == "said":
            assert not unsynced, "confirmed before it was durable"
            assert not [path for path in written if "/.refactory/" in path], (
                "confirmed before the log was durable"
            )
    assert len(renamed) == 5, "five records"


def test_nothing_is_changed_before_the_journal_is_durable(store: Store, tmp_path: Path) -> None:
    """The log is changed before, but by newlines: room for what is written after."""
    private = str(store.location.private)
    seen = [
        f"{kind} {Path(target or path).relative_to(store.location.root)}"
        for kind, path, target in events(store, tmp_path / "trace")
        if kind in ("sync", "rename") or (kind == "write" and "/.refactory/" in path)
    ]
    synced = [each for each in seen if each.startswith("sync")]
    first = next(number for number, each in enumerate(seen) if each.startswith("rename"))
    assert seen[first - 1] == f"sync {Path(private).relative_to(store.location.root)}/journal"
    assert seen[first - 2] == f"sync {Path(private).relative_to(store.location.root)}/staged"
    assert [each[:23] for each in seen[:first] if each.startswith("write")] == ["write .refactory/audit/"]
    assert len(synced) == 9, "five records, staged, journal, log, folder"


@pytest.mark.parametrize(("durability", "some"), [("full", True), ("fast", False)])
def test_fast_waits_for_no_disk(store: Store, tmp_path: Path, durability: str, some: bool) -> None:
    (store.location.records / "config.yaml").write_text(f"version: 1\ndurability: {durability}\n")
    count = Counter(name for name, _ in calls(store, tmp_path / "trace"))
    assert (count["fsync"] + count["fdatasync"] > 0) == some
    assert count["rename"] + count["renameat"] + count["renameat2"] >= 5, (
        "records are replaced as a whole all the same"
    )


FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC", "error=EROFS", "error=EMFILE")
OWN = {"getpid", "gettid", "getuid", "uname", "getrandom", "brk", "mmap", "munmap", "mremap", "madvise", "futex",
       "readv", "writev", "exit_group"}  # fmt: skip
READING = {
    "newfstatat",
    "fstat",
    "stat",
    "lstat",
    "statx",
    "lseek",
    "read",
    "ioctl",
    "readlink",
    "getdents64",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_every_system_call(store: Store, tmp_path: Path, fault: str) -> None:
    """Acceptance 5: 0 bad states, nothing acknowledged that is not there."""
    step(store)
    output = tmp_path / "trace"
    traced(lambda: step(store), output, [])
    made = Counter(call[1] for line in output.read_text().splitlines() if (call := CALL.match(line)))
    steps, folder = 2, store.location.root
    for name in sorted(made.keys() - OWN):
        often = name not in READING or fault in ("signal=KILL", "error=EIO")
        for when in range(1, made[name] + 2, 1 if often else 9):
            inject = ["-e", f"trace={name}", "-e", f"inject={name}:{fault}:when={when}"]
            heard = traced(lambda: step(store), output, inject)
            before, steps = steps, check(folder)
            assert steps in agreeing(heard, before), (name, when, heard)
