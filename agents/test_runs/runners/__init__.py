"""What test runners print, for where they write no JUnit report: one module for each family of them.

A reader gets all that a command printed and returns what it counts, or None if its runner did not speak. What no
reader knows has no counts: such a command is judged by its exit code.
"""

from __future__ import annotations

import re

from agents.test_runs.counts import Counts
from agents.test_runs.runners import go, javascript, python, rust

READERS = (*python.READERS, *javascript.READERS, *go.READERS, *rust.READERS)

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def read(output: str) -> Counts | None:
    """All runners that spoke, added up: a command may start several."""
    text = _ESCAPE.sub("", output).replace("\r\n", "\n")
    found = [counts for reader in READERS if (counts := reader(text))]
    return sum(found[1:], found[0]) if found else None
