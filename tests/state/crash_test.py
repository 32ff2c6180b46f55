"""Killed and hindered at every point of a transaction: the old state or the new one, and the next command works."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from state.store import Store
from tests.state.faults import Say, check, child, new_store, said, step

MOMENTS = 250
EACH = 50  # moments in one repository


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(MOMENTS // EACH))
@pytest.mark.parametrize("writers", [1, 3])
def test_killed_at_random_moments(tmp_path: Path, writers: int, seed: int) -> None:
    """Acceptance 1: 0 torn, 0 acknowledged lost."""
    random_ = random.Random(f"{writers} {seed}")
    new_store(tmp_path)
    for _ in range(EACH):
        acknowledged = kill_writers(tmp_path, writers, random_.uniform(0, 0.03))
        assert len(acknowledged) == len(set(acknowledged)), "no step was taken twice"
        assert max(acknowledged, default=0) <= check(tmp_path)


def kill_writers(folder: Path, writers: int, delay: float) -> list[int]:
    """The steps that they said were done."""

    def write(say: Say) -> None:
        store = Store.open(folder)
        say("0")
        while True:
            say(str(step(store)))

    with ExitStack() as stack:
        children = [stack.enter_context(child(write)) for _ in range(writers)]
        heard = [os.read(reading, 2).decode() for _, reading in children]
        time.sleep(delay)
        for pid, _ in children:
            os.kill(pid, signal.SIGKILL)
        heard += [said(reading) for _, reading in children]
    return [int(line) for text in heard for line in text.split() if line != "0"]


CALLS = (
    "open", "write", "pwrite", "fsync", "fdatasync", "close", "rename", "replace", "unlink", "mkdir", "listdir",
    "stat", "fstat", "lstat", "pread", "ftruncate",
)  # fmt: skip
KINDS = ("before", "middle", "after", "EIO", "ENOSPC")


class Fault:
    """The `at`-th call of this function is not made (or half of it), or is the last one of the process."""

    def __init__(self, name: str, at: int, kind: str) -> None:
        self.name, self.left, self.kind = name, at, kind
        self.real: Any = getattr(os, name)

    def __call__(self, *args: Any, **more: Any) -> Any:
        self.left -= 1
        if self.left:
            return self.real(*args, **more)
        if self.kind.startswith("E"):
            number = getattr(errno, self.kind)
            raise OSError(number, os.strerror(number))
        if self.kind == "middle" and self.name in ("write", "pwrite"):
            self.real(args[0], args[1][: len(args[1]) // 2], *args[2:])
        if self.kind == "after":
            self.real(*args, **more)
        os._exit(9)

    def __enter__(self) -> None:
        setattr(os, self.name, self)

    def __exit__(self, *_: object) -> None:
        setattr(os, self.name, self.real)


def hindered(fault: Fault, work: Callable[[], object]) -> str:
    """What a process says that does this work with this fault; nothing if it is killed."""

    def attempt(say: Say) -> None:
        with fault:
            done = work()
        say(str(done))

    with child(attempt) as (_, reading):
        return said(reading)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CALLS)
def test_a_fault_at_every_call_of_a_transaction(tmp_path: Path, name: str, kind: str) -> None:
    store = new_store(tmp_path)
    steps, reached = 0, True
    at = 0
    while reached:
        at += 1
        fault = Fault(name, at, kind)
        heard = hindered(fault, lambda: step(store))
        before, steps = steps, check(tmp_path)
        assert steps in agreeing(heard, before), (at, heard)
        reached = heard != f"{before + 1}\n"


def agreeing(heard: str, before: int) -> tuple[int, ...]:
    """How many steps there may be after this was said."""
    if not heard:
        return before, before + 1
    if "nothing was changed" in heard or "can't read" in heard:
        return (before,)
    if heard == f"{before + 1}\n" or "is recorded all the same" in heard:
        return (before + 1,)
    raise AssertionError(heard)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CALLS)
def test_a_fault_at_every_call_of_a_recovery(tmp_path: Path, name: str, kind: str, capfd: Any) -> None:
    store = new_store(tmp_path)
    steps, at, reached = 0, 0, True
    while reached:
        at += 1
        assert hindered(Fault("rename", 1, "before"), lambda: step(store)) == ""
        heard = hindered(Fault(name, at, kind), lambda: type(Store.open(tmp_path)).__name__)
        reached = heard != "Store\n"
        steps += 1
        assert check(tmp_path) == steps, (at, heard)
        # A repository that can't even be looked at is an unexpected error.
        assert heard in ("Store\n", "Unfinished\n", "") or "can't" in heard or name == "stat", heard
    assert "refactory: recovered: `step` was interrupted" in capfd.readouterr().err
