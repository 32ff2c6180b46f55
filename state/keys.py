"""Record keys: `7-k3f9q2mx` is the number people type and a suffix that no other branch can have made."""

from __future__ import annotations

import os
import re

from state.errors import Conflict, InvalidFile

# Crockford's base32 in lower case: no i, l, o, u, so a key can be read aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_KEY = re.compile(r"([1-9][0-9]{0,8})(?:-([0-9a-z]{8}))?")
_HIGHEST = 999_999_999


def new_key(number: int) -> str:
    return key_of(number, "".join(_ALPHABET[byte % 32] for byte in os.urandom(8)))


def key_of(number: int, suffix: str) -> str:
    """Raises Conflict for a number that would make no key: its record would be written and never seen again."""
    if number > _HIGHEST:
        raise Conflict(
            f"there is no number after {_HIGHEST}",
            "a record that has it by mistake needs another file name and key",
        )
    return f"{number}-{suffix}"


def number_of(key: str) -> int:
    """Raises InvalidFile for what is no key: somebody wrote it into a record by hand."""
    try:
        return int(key.partition("-")[0])
    except ValueError:
        raise InvalidFile(
            f"a record refers to {key!r}, which is no record's key", "`refactory doctor` says which one"
        ) from None


def by_number(key: str) -> tuple[int, str]:
    """To sort keys as people count."""
    return number_of(key), key


def is_key(text: str) -> bool:
    match = _KEY.fullmatch(text)
    return bool(match and match[2])


def is_reference(text: str) -> bool:
    """A number or a whole key: what people may type."""
    return bool(_KEY.fullmatch(text))


def suffix_of(key: str) -> str:
    """What stays the same when a record is renumbered."""
    return key.partition("-")[2]
