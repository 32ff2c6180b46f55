"""Files in `.refactory/` that can't be read, do not belong there, or are out of date."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from agents.diagnosis.backup import Backup
from agents.diagnosis.evidence import Evidence
from agents.diagnosis.finding import Found, fixable, found
from agents.foreign.preset import check_coder
from agents.model.prices import refuse_unpriced
from agents.model.settings import check_address
from agents.sandbox import NoSandbox, kind_of
from agents.test_runs.run import whole_command
from agents.test_runs.tools import check_tools
from state import schema
from state.errors import UsageError
from state.files import is_half_written, read_regular
from state.keys import is_key
from state.records import KINDS

_YOUNG = 60.0  # seconds; a writer may still be about to rename it


def config(evidence: Evidence) -> Iterator[Found]:
    if evidence.config_fault:
        yield found("config", evidence.config_fault.message, evidence.config_fault.hint)


def sandbox(evidence: Evidence) -> Iterator[Found]:
    """What demands walls would be refused where there are none; `auto` goes on without."""
    if not evidence.config_fault:
        try:
            kind_of(evidence.store.config.walls)
        except NoSandbox as error:
            yield found("sandbox", error.message, "install bubblewrap, or set `sandbox: auto`")


def coder(evidence: Evidence) -> Iterator[Found]:
    """The agent that the configuration names must be here, or the first task ends the run."""
    if not evidence.config_fault:
        try:
            check_coder(evidence.store.config)
        except UsageError as error:
            yield found("coder", error.message, error.hint)


def tools(evidence: Evidence) -> Iterator[Found]:
    """What tests the repository must be able to start, or all work is red."""
    head = evidence.git.resolve("HEAD")
    if evidence.config_fault or not head:
        return
    settings = evidence.store.config.test
    try:
        check_tools(whole_command(evidence.git, head, settings) or "", settings.pass_env)
    except UsageError as error:
        yield found("test", error.message, error.hint)


def model(evidence: Evidence) -> Iterator[Found]:
    """What no question could be sent with."""
    if not evidence.config_fault:
        try:
            check_address(evidence.store.config.model)
            refuse_unpriced(evidence.store.config)
        except UsageError as error:
            yield found("config", error.message, error.hint)


def records(evidence: Evidence) -> Iterator[Found]:
    for error in evidence.unreadable:
        yield found("readable", error.message, error.hint)


def strangers(evidence: Evidence) -> Iterator[Found]:
    where = evidence.store.location
    for folder in (where.records / kind.folder for kind in KINDS):
        for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
            is_record = name.endswith(".yaml") and is_key(name[:-5])
            if not is_record and not is_half_written(name):
                path = (folder / name).relative_to(where.root)
                yield found("stray-file", f"{path} is no record", "move it elsewhere")


def half_written(evidence: Evidence) -> Iterator[Found]:
    """A killed writer's; it never was part of the state."""
    where = evidence.store.location
    folders = (where.records, where.private)
    for path in (path for folder in folders for glob in (".*", "*/.*") for path in sorted(folder.glob(glob))):
        if is_half_written(path.name) and _age(path) > _YOUNG:
            remove = partial(Backup.remove, path=path)
            yield fixable("half-written", f"{path} was left by a killed command", "remove it", remove)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # its writer has just renamed it


def schemas(evidence: Evidence) -> Iterator[Found]:
    """Editors check the records by them, where there are any: nothing of ours does."""
    folder = evidence.store.location.records / schema.FOLDER
    if not folder.is_dir():
        return
    wrong = [
        name
        for name in schema.TYPES
        if _read(folder / f"{name}.json") != msgspec.json.decode(schema.text(name))
    ]
    if wrong:
        message = f"{folder}: missing, or of another version of Refactory: {', '.join(wrong)}"
        yield fixable("schemas", message, "write them anew", partial(_write, evidence, folder, wrong))


def _write(evidence: Evidence, folder: Path, wrong: Iterable[str], backup: Backup) -> None:
    for name in wrong:
        backup.file(folder / f"{name}.json")
    schema.write(evidence.store.location.records)


def _read(path: Path) -> object:
    try:
        return msgspec.json.decode(read_regular(path))
    except (OSError, ValueError):
        return None
