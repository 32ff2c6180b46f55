"""What files look like from outside: one whose stamp stays the same need not be read again.

A file that was changed just now may change again within the same tick of the file system's clock, and look the same:
its stamp is like no other, until it is old enough. (Git calls this racily clean: Documentation/technical/racy-git.txt.)
"""

from __future__ import annotations

import os
import stat
import time

from state.errors import InvalidFile
from state.keys import is_key

Stamp = int  # a hash of mtime, ctime (no edit can set it back), inode and size

_TICK = 100_000_000  # nanoseconds, and some to spare
_COARSE_TICK = 2_000_000_000  # where times are whole seconds (FAT: even ones)


def stamp(path: str) -> Stamp | None:
    at = time.time_ns()
    try:
        info = os.stat(path)  # noqa: PTH116 - asked for every record: to make a Path takes ten times as long
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidFile(f"{path}: can't read: {error.strerror}") from None
    if not stat.S_ISREG(info.st_mode):
        raise InvalidFile(f"{path}: is no regular file")
    return _of(info, at)


def scan(folder: str, suffix: str = ".yaml") -> dict[str, Stamp]:
    """The stamps of the files in a folder, by name without suffix: also of strays that are no record."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidFile(f"{folder}: can't read: {error.strerror}") from None
    try:
        return _scanned(folder, descriptor, suffix)
    finally:
        os.close(descriptor)


def _scanned(folder: str, descriptor: int, suffix: str) -> dict[str, Stamp]:
    found: dict[str, Stamp] = {}
    length, at = len(suffix), time.time_ns()
    old = at - _COARSE_TICK
    with os.scandir(descriptor) as entries:  # not by path: to look it up for each file takes a fifth longer
        for entry in entries:
            name = entry.name
            if name.endswith(suffix):
                try:
                    info = entry.stat()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise InvalidFile(f"{folder}/{name}: can't read: {error.strerror}") from None
                changed = info.st_ctime_ns
                if stat.S_ISREG(info.st_mode):
                    looks = (info.st_mtime_ns, changed, info.st_ino, info.st_size)
                    found[name[:-length]] = hash(looks) if changed < old else _of(info, at)
                elif is_key(name[:-length]):
                    raise InvalidFile(f"{folder}/{name}: is no regular file")
    return found


def settled(changed: int, at: int) -> bool:
    """Whether all changes after `at` (both time_ns) will have another time than `changed`."""
    return changed < at - (_TICK if changed % 1_000_000_000 else _COARSE_TICK)


def _of(info: os.stat_result, at: int) -> Stamp:
    changed = info.st_ctime_ns
    if changed > at - _COARSE_TICK and not settled(changed, at):
        return hash((at, info.st_ino))
    return hash((info.st_mtime_ns, changed, info.st_ino, info.st_size))
