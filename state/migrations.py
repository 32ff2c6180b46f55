"""Files of older versions: read as if written today, written with the current version. A newer one is refused.

Whoever changes what the files of a kind mean raises `version` in its class, and adds the step here that makes
the new mapping of the old one. The older the file, the more steps it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Values = dict[str, object]
Step = Callable[[Values], Values]

# {"task": {1: a function that makes version 2's mapping of version 1's}}
STEPS: dict[str, Mapping[int, Step]] = {}


class Newer(Exception):
    """A file of a later Refactory."""

    def __init__(self, version: int, newest: int) -> None:
        super().__init__(f"needs Refactory with record version {version}; this one reads up to {newest}")


def current(kind: str) -> int:
    """The version that is written."""
    return 1 + len(STEPS.get(kind, ()))


def migrated(kind: str, value: Values) -> Values:
    """The mapping in the current form. Without a `version` it is of the first."""
    version, newest = value.get("version", 1), current(kind)
    if version == newest or type(version) is not int or version < 1:
        return value  # what is no version at all is refused with the other types
    if version > newest:
        raise Newer(version, newest)
    for step in range(version, newest):
        value = {**STEPS[kind][step](value), "version": step + 1}
    return value
