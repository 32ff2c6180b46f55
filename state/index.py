"""The records of a folder in SQLite: 10,000 of them are listed without reading 10,000 files.

A cache in this worktree's git folder. Each row has the stamp of the file it was read from; what differs from the
files now is read again before a question is answered. Whatever is wrong with the index itself (locked, broken, on a
read-only or full disk) costs time, never an answer: then a copy in memory, or an empty one, takes its place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from zlib import crc32

import msgspec

from state.clock import CLOCK
from state.keys import by_number, is_key, number_of
from state.records import Record
from state.stamps import Stamp, scan

R = TypeVar("R", bound=Record)
T = TypeVar("T")
Question = Callable[[sqlite3.Connection], T]

FILTERS = ("state", "plan", "request", "agent")  # the fields that lists are filtered by
_PAGE = 4096
_PATIENCE = 0.1  # seconds; to wait longer for another process costs more than to do without it

_COLUMNS = ("folder", "number", "key", "stamp", *FILTERS)
_SCHEMA = f"""
    DROP TABLE IF EXISTS folder;
    DROP TABLE IF EXISTS record;
    CREATE TABLE folder(name PRIMARY KEY, digest);
    CREATE TABLE record({", ".join(_COLUMNS)}, body);
    CREATE UNIQUE INDEX listing ON record({", ".join(_COLUMNS)});
    CREATE INDEX by_state ON record(folder, state, number, key);
"""
_STAMPS = "SELECT key, stamp FROM record WHERE folder = ?"
_DELETE = "DELETE FROM record WHERE folder = ? AND number = ? AND key = ?"
_TWIN = """EXISTS (SELECT 1 FROM record AS twin
    WHERE twin.folder = record.folder AND twin.number = record.number AND twin.key != record.key)"""
_INSERT = f"INSERT INTO record VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"  # noqa: S608


class Files(NamedTuple):
    """The records' files as they are: their stamps, and how to read one."""

    folder: str
    stamps: Mapping[str, Stamp]
    read: Callable[[str], Record | None]


def select(
    cls: type[R], equals: Mapping[str, str], limit: int = -1, offset: int = 0
) -> Question[tuple[list[R], int, list[int]]]:
    """Those whose fields equal these values, by number; how many there are in all; which of the numbers are shared."""
    where = "FROM record WHERE folder = ?" + "".join(f" AND {field} = ?" for field in equals)
    values = (cls.folder, *equals.values())

    def question(db: sqlite3.Connection) -> tuple[list[R], int, list[int]]:
        (total,) = db.execute(f"SELECT count(*) {where}", values).fetchone()
        part = f"SELECT body, number, {_TWIN} {where} ORDER BY number, key LIMIT ? OFFSET ?"
        rows = db.execute(part, (*values, limit, offset)).fetchall()
        records = [msgspec.msgpack.decode(body, type=cls) for body, _, _ in rows]
        return records, total, sorted({number for _, number, twin in rows if twin})

    return question


def count(cls: type[Record], field: str) -> Question[dict[str, int]]:
    """How many there are of each value, in the values' order."""
    sql = f"SELECT {field}, count(*) FROM record WHERE folder = ? GROUP BY 1 ORDER BY 1"  # noqa: S608
    return lambda db: dict(db.execute(sql, (cls.folder,)).fetchall())


def ask(path: Path, files: Files, question: Question[T]) -> T:
    """The answer of an index that agrees with the files."""
    place: Callable[[Path], sqlite3.Connection]
    try:
        return _ask(_on_disk(path), files, question)
    except sqlite3.OperationalError:
        place = _copy  # it is locked, or can't be written
    except (sqlite3.Error, msgspec.MsgspecError, UnicodeError):
        _remove(path)
        place = _on_disk
    except OSError:
        place = _empty
    try:
        return _ask(place(path), files, question)
    except (sqlite3.Error, msgspec.MsgspecError, UnicodeError, OSError):
        return _ask(_empty(path), files, question)


def _ask(db: sqlite3.Connection, files: Files, question: Question[T]) -> T:
    with closing(db):
        digest = _digest(files.stamps)
        db.execute("BEGIN")
        if db.execute("SELECT digest FROM folder WHERE name = ?", (files.folder,)).fetchone() == (digest,):
            return question(db)
        db.execute("ROLLBACK")
        db.execute("BEGIN IMMEDIATE")
        with _kept(db):
            _refresh(db, files)
            db.execute("INSERT OR REPLACE INTO folder VALUES (?, ?)", (files.folder, digest))
            return question(db)


@contextmanager
def _kept(db: sqlite3.Connection) -> Iterator[None]:
    """What was read is kept, also where a file is no record; a reader that holds us up is no reason to fail."""
    try:
        yield
    finally:
        with suppress(sqlite3.OperationalError):
            db.execute("COMMIT")


def _digest(stamps: Mapping[str, Stamp]) -> int:
    """Of names and stamps, in the order in which the folder has them: a tenth of the time of comparing all."""
    return hash((crc32("/".join(stamps).encode(errors="surrogateescape")), *stamps.values()))


def _refresh(db: sqlite3.Connection, files: Files) -> None:
    db.execute("DELETE FROM folder WHERE name = ?", (files.folder,))
    known: dict[str, Stamp] = dict(db.execute(_STAMPS, (files.folder,)))
    gone = (key for key, found in known.items() if files.stamps.get(key) != found)
    db.executemany(_DELETE, ((files.folder, number_of(key), key) for key in gone))
    changed = (key for key, found in files.stamps.items() if known.get(key) != found and is_key(key))
    db.executemany(_INSERT, _rows(files, sorted(changed, key=by_number)))


def _rows(files: Files, keys: Iterable[str]) -> Iterator[tuple[object, ...]]:
    for key in keys:
        record = files.read(key)
        if record is not None:  # not deleted since we looked
            values = (getattr(record, field, None) for field in FILTERS)
            body = msgspec.msgpack.encode(record)
            yield files.folder, number_of(key), key, files.stamps[key], *values, body


def _on_disk(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size % _PAGE:
        raise sqlite3.DatabaseError("cut off: SQLite would take the rest of the last page for empty")
    return _prepared(_connected(path))


def _copy(path: Path) -> sqlite3.Connection:
    copy = _connected(":memory:")
    with suppress(sqlite3.Error), closing(_connected(path)) as there:
        there.execute("BEGIN")
        there.execute("SELECT * FROM sqlite_master").fetchall()  # fails while it is locked: backup would wait
        there.backup(copy)
    return _prepared(copy)


def _empty(_: Path) -> sqlite3.Connection:
    return _prepared(_connected(":memory:"))


def _connected(place: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None)


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    """With our tables, empty if they are of another version of the program, which may read files otherwise.

    Nobody waits for the disk: after a power cut, so after each start of the machine, the index is made anew.
    """
    version = _version()
    db.execute("PRAGMA synchronous = OFF")
    db.execute(f"PRAGMA page_size = {_PAGE}")
    if db.execute("PRAGMA user_version").fetchone() != (version,):
        db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}; PRAGMA user_version = {version}; COMMIT")
    return db


def _version() -> int:
    program = repr(sorted(scan(str(Path(__file__).parent), ".py").items()))
    return crc32((program + CLOCK.boot()).encode()) >> 1


def _remove(path: Path) -> None:
    """The journal first: without its file it would be taken for the next one's."""
    for name in (f"{path.name}-journal", path.name):
        with suppress(OSError):
            path.with_name(name).unlink(missing_ok=True)
