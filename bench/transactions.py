"""Transactions of five records in one process, against a bare loop that writes the same files as safely one by one."""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

from measure import ROOT, Row, pairs, repository

sys.path.insert(0, str(ROOT))

from state.records import Request
from state.store import Store

RECORDS = 5


def rows(quick: bool) -> list[Row]:
    count, rounds = (20, 3) if quick else (200, 5)
    with repository(files=5) as folder:
        store = Store.open(folder)
        ours, theirs = pairs(rounds, lambda: _transactions(store, count), lambda: _bare_loop(store, count))
        (folder / ".refactory" / "config.yaml").write_text("version: 1\ndurability: fast\n", encoding="utf-8")
        fast = statistics.median(_transactions(store, count) for _ in range(rounds))
    what = f"{count} transactions of {RECORDS} records, fsync on, wall"
    return [
        Row(what, f"{ours:.2f} s", f"tmp + fsync + rename in a loop {theirs:.2f} s", ours / theirs, 2),
        Row("the same with `durability: fast`", f"{fast:.2f} s", f"with fsync {ours:.2f} s", fast / ours),
    ]


def _transactions(store: Store, count: int) -> float:
    began = time.monotonic()
    for number in range(count):
        with store.transaction("bench") as changes:
            for part in range(RECORDS):
                changes.new(Request, title=f"{number}.{part}")
    return time.monotonic() - began


def _bare_loop(store: Store, count: int) -> float:
    """The files that the last transactions wrote, once more into a folder of their own."""
    newest = [store.path(Request, key) for key in store.keys(Request)[-count * RECORDS :]]
    contents = [path.read_bytes() for path in newest]
    folder = store.location.root / "bare"
    folder.mkdir(exist_ok=True)
    began = time.monotonic()
    for path, content in zip(newest, contents, strict=True):
        _write(folder / path.name, content)
    return time.monotonic() - began


def _write(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.write(descriptor, content)
    os.fsync(descriptor)
    os.close(descriptor)
    beside.replace(path)
