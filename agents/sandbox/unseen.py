"""Why a command was not found: its program, or the interpreter that this names, lies where the walls hide it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

_COMPLAINT = re.compile(r"not found|no such file|cannot execute|bad interpreter", re.IGNORECASE)
_WORD = re.compile(r"[\w./+@-]+")


def unseen(output: str, path: str, cwd: Path, visible: Collection[Path]) -> list[Path]:
    """Programs outside that the output's last complaints name."""
    found: dict[Path, None] = {}
    for line in filter(_COMPLAINT.search, output.splitlines()[-20:]):
        for word in _WORD.findall(line):
            name = word.rstrip(".")
            program = shutil.which(str(cwd / name) if "/" in name else name, path=path)
            for place in _with_interpreter(Path(program)) if program else ():
                if not any(place.is_relative_to(folder) for folder in visible):
                    found[place] = None
    return list(found)


def _with_interpreter(program: Path) -> Iterator[Path]:
    """The program, where it leads to, and what its first line calls for (execve(2), interpreter scripts)."""
    yield program
    yield program.resolve()
    if not program.is_file():
        return  # a FIFO would never end
    try:
        with program.open("rb") as file:
            first = file.readline(256)
    except OSError:
        return
    if first.startswith(b"#!/"):
        interpreter = Path(os.fsdecode(first[2:].split()[0]))
        yield from (place for place in (interpreter, interpreter.resolve()) if place.exists())
